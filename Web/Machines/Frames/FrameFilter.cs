namespace Hyperpatch.Web.Machines.Frames;

/// <summary>What a watcher wants of each frame's exits. Counters, sites and state come in any case.</summary>
public sealed record FrameFilter
{
    /// <summary>Most exits that a frame carries, whatever is asked for.</summary>
    public const int MaximumExits = Engine.Machine.Frames.MachineFrame.MostEvents;

    /// <summary>Everything.</summary>
    public static FrameFilter All { get; } = new();

    /// <summary>Only this reason, or null for all.</summary>
    public string? Reason { get; init; }

    /// <summary>Only this processor, or null for all.</summary>
    public int? Processor { get; init; }

    /// <summary>Latest exits in each frame, 0 (none) to 64, which is the default.</summary>
    public int Exits { get; init; } = MaximumExits;
}
