using System.Collections.Immutable;

namespace Hyperpatch.Engine.Memory;

/// <summary>A page walk entry by entry, as a person follows it, with its outcome as <see cref="PageWalker"/> has it.</summary>
public sealed record PageWalkTrace
{
    /// <summary>The linear address.</summary>
    public required ulong Linear { get; init; }

    /// <summary>Kind of paging: none, 32-bit, PAE, 4-level or 5-level (Intel SDM vol. 3, 4.1.1).</summary>
    public required string Mode { get; init; }

    /// <summary>CR3: where the walk begins. Meaningless without paging.</summary>
    public required ulong Cr3 { get; init; }

    /// <summary>Whether the address is canonical; where it is not, nothing is walked and the access is #GP (#SS on the stack).</summary>
    public required bool IsCanonical { get; init; }

    /// <summary>The entries read, from the top.</summary>
    public required ImmutableArray<PageWalkStep> Steps { get; init; }

    /// <summary>Guest-physical address, or null where there is none.</summary>
    public required ulong? Physical { get; init; }

    /// <summary>Bytes of the page, or 0 where there is none.</summary>
    public required ulong PageBytes { get; init; }

    /// <summary>What a supervisor (CPL 0) may do.</summary>
    public required PageRights Supervisor { get; init; }

    /// <summary>What a program (CPL 3) may do.</summary>
    public required PageRights User { get; init; }
}
