namespace Hyperpatch.Web.CommandLine;

/// <summary>A site in a summary.</summary>
/// <param name="Address">Linear address.</param>
/// <param name="Bytes">The instruction's bytes at the end.</param>
/// <param name="Calls">Hypercalls served from here.</param>
/// <param name="Patches">Times that it was patched.</param>
internal sealed record SiteSummary(string Address, string Bytes, long Calls, long Patches);
