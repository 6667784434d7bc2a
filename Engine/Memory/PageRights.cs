namespace Hyperpatch.Engine.Memory;

/// <summary>What may be done with a page at one privilege: the error code of the #PF that it gives, or null where it is allowed.</summary>
/// <param name="Cpl">Privilege level, 0 or 3.</param>
/// <param name="Read">Reading data.</param>
/// <param name="Write">Writing.</param>
/// <param name="Execute">Fetching instructions.</param>
public readonly record struct PageRights(int Cpl, uint? Read, uint? Write, uint? Execute);
