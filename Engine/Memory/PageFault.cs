namespace Hyperpatch.Engine.Memory;

/// <summary>A failed translation: what the guest's #PF would carry.</summary>
/// <param name="Address">Linear address (CR2).</param>
/// <param name="ErrorCode">P (0), W (1), U (2), RSVD (3), I (4).</param>
public readonly record struct PageFault(ulong Address, uint ErrorCode);
