using Hyperpatch.Engine.Machine.Frames;

namespace Hyperpatch.Web.Components.Machines;

/// <summary>What a page's structure depends on. A frame that changes none of it is drawn by the browser alone.</summary>
/// <param name="State">created, running, paused, stopped or failed.</param>
/// <param name="Vendor">intel or amd.</param>
/// <param name="Policy">The policy.</param>
/// <param name="Level">The interception level.</param>
/// <param name="Epoch">Number of vendor switches.</param>
/// <param name="ExitReason">Why it is over, or null.</param>
/// <param name="ExitCode">Its exit status, or null.</param>
/// <param name="PausedBy">Why it paused by itself, or null.</param>
public sealed record MachineFacts(string State, string Vendor, string Policy, string Level, int Epoch, string? ExitReason, int? ExitCode, PauseView? PausedBy)
{
    /// <summary>Whether its processors run.</summary>
    public bool IsRunning => State == "running";

    /// <summary>Whether the guest is over.</summary>
    public bool IsOver => State is "stopped" or "failed";

    /// <summary>The facts of a frame.</summary>
    public static MachineFacts Of(MachineFrame frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        return new MachineFacts(frame.State, frame.Vendor, frame.Policy, frame.Level, frame.Epoch, frame.ExitReason, frame.ExitCode, frame.PausedBy);
    }
}
