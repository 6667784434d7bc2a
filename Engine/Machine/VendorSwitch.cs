namespace Hyperpatch.Engine.Machine;

/// <summary>What a vendor switch did.</summary>
/// <param name="From">Vendor before.</param>
/// <param name="To">Vendor after.</param>
/// <param name="StoppedFor">How long the guest did not run, from the first processor's call back to the release of all.</param>
public sealed record VendorSwitch(string From, string To, TimeSpan StoppedFor);
