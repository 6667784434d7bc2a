namespace Hyperpatch.Web.Machines.Inspection;

/// <summary>The byte of a hypercall site that differs between vendors.</summary>
/// <param name="Site">The site's number.</param>
/// <param name="Address">Address of the byte in the space asked for, hexadecimal with 0x.</param>
/// <param name="Patches">Times that it was written.</param>
public sealed record MemorySite(int Site, string Address, long Patches);
