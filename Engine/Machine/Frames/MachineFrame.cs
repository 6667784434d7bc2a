namespace Hyperpatch.Engine.Machine.Frames;

/// <summary>
/// What a watcher of a machine needs, several times a second. Totals, not differences: a watcher that misses frames loses nothing but
/// events. Immutable; the same object goes to every watcher.
/// </summary>
public sealed record MachineFrame
{
    /// <summary>Machine.</summary>
    public required string MachineId { get; init; }

    /// <summary>Number of the frame, from 1.</summary>
    public required long Sequence { get; init; }

    /// <summary>When, in milliseconds since 1970 UTC.</summary>
    public required double At { get; init; }

    /// <summary>created, running, paused, stopped or failed.</summary>
    public required string State { get; init; }

    /// <summary>Vendor that the guest sees: intel or amd.</summary>
    public required string Vendor { get; init; }

    /// <summary>Policy.</summary>
    public required string Policy { get; init; }

    /// <summary>Interception level.</summary>
    public required string Level { get; init; }

    /// <summary>Number of vendor switches.</summary>
    public required int Epoch { get; init; }

    /// <summary>Why the machine is over, or null.</summary>
    public string? ExitReason { get; init; }

    /// <summary>Exit status, or null.</summary>
    public int? ExitCode { get; init; }

    /// <summary>Why it paused by itself, or null.</summary>
    public PauseView? PausedBy { get; init; }

    /// <summary>Totals.</summary>
    public required CounterView Counters { get; init; }

    /// <summary>Exits by reason, those that occurred.</summary>
    public required IReadOnlyList<ReasonView> Reasons { get; init; }

    /// <summary>Processors.</summary>
    public required IReadOnlyList<ProcessorView> Processors { get; init; }

    /// <summary>Hypercalls by number, those that occurred.</summary>
    public required IReadOnlyList<HypercallView> Hypercalls { get; init; }

    /// <summary>Sites that changed since the last frame; all of them (up to <see cref="MostSites"/>) in every tenth frame.</summary>
    public required IReadOnlyList<SiteView> Sites { get; init; }

    /// <summary>The latest exits since the last frame, oldest first, at most <see cref="MostEvents"/>. Patches (half of the places) and
    /// refusals (an eighth) come first in the choice, the newest of them.</summary>
    public required IReadOnlyList<ExitEvent> Events { get; init; }

    /// <summary>Exits since the last frame that are not among <see cref="Events"/>.</summary>
    public required long SkippedEvents { get; init; }

    /// <summary>Timeline entries since the last frame.</summary>
    public required IReadOnlyList<TimelineEntry> Timeline { get; init; }

    /// <summary>Serial output since the last frame.</summary>
    public required string Serial { get; init; }

    /// <summary>Bytes of serial output so far, this frame's included.</summary>
    public required long SerialPosition { get; init; }

    /// <summary>Events in a frame at most.</summary>
    public const int MostEvents = 64;

    /// <summary>Sites in a frame at most.</summary>
    public const int MostSites = 256;
}
