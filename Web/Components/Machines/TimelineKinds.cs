using Hyperpatch.Web.Texts;

namespace Hyperpatch.Web.Components.Machines;

/// <summary>What happens in a machine's life, in a word each.</summary>
public static class TimelineKinds
{
    /// <summary>All kinds of entries that the engine makes.</summary>
    public static IReadOnlyList<(string Kind, string Text)> All { get; } =
    [
        ("created", MachineTexts.TimelineCreated),
        ("running", MachineTexts.TimelineRunning),
        ("paused", MachineTexts.TimelinePaused),
        ("reset", MachineTexts.TimelineReset),
        ("policy", MachineTexts.TimelinePolicy),
        ("vendor", MachineTexts.TimelineVendor),
        ("stopped", MachineTexts.TimelineStopped),
        ("failed", MachineTexts.TimelineFailed),
    ];

    /// <summary>The word for a kind.</summary>
    /// <param name="kind">As in the engine's entries; one that is not known stands for itself.</param>
    public static string Describe(string kind) => All.FirstOrDefault(known => known.Kind == kind).Text ?? kind;
}
