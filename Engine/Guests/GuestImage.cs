using System.Collections.Immutable;

namespace Hyperpatch.Engine.Guests;

/// <summary>A guest ready to be loaded: bytes, and how each processor starts.</summary>
public sealed class GuestImage
{
    /// <summary>What goes into RAM.</summary>
    public required ImmutableArray<GuestSegment> Segments { get; init; }

    /// <summary>What goes into ROM: mapped read-only, page-aligned, outside RAM (from 0xE0000000 up is free for it).</summary>
    public ImmutableArray<GuestSegment> Rom { get; init; } = [];

    /// <summary>Start state of each processor, by index. Processors without one would never run: there is one each.</summary>
    public required ImmutableArray<ProcessorStart> Processors { get; init; }
}
