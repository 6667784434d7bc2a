namespace Hyperpatch.Web.Machines.Inspection;

/// <summary>Where a part of what was asked for is.</summary>
/// <param name="Address">First address, hexadecimal with 0x.</param>
/// <param name="Physical">Guest-physical address of the same byte.</param>
/// <param name="Length">Bytes.</param>
public sealed record MemoryMapping(string Address, string Physical, int Length);
