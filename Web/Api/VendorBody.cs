namespace Hyperpatch.Web.Api;

/// <summary>The vendor that a guest is to see.</summary>
/// <param name="Vendor">intel or amd.</param>
public sealed record VendorBody(string? Vendor);
