using Hyperpatch.Web.Texts;

namespace Hyperpatch.Web.Components.Machines;

/// <summary>A pane of a machine's page.</summary>
/// <param name="Id">As in the address.</param>
/// <param name="Title">As on its tab.</param>
/// <param name="Key">Its shortcut.</param>
public sealed record MachinePane(string Id, string Title, string Key)
{
    /// <summary>Sites and chart together.</summary>
    public const string Overview = "overview";

    /// <summary>Memory, disassembly and page walk.</summary>
    public const string Memory = "memory";

    /// <summary>One patch told step by step.</summary>
    public const string Story = "story";

    /// <summary>Handling times.</summary>
    public const string Latency = "latency";

    /// <summary>All panes, in the order of their tabs.</summary>
    public static IReadOnlyList<MachinePane> All { get; } =
    [
        new(Overview, MachineTexts.PaneOverview, "1"),
        new(Story, MachineTexts.PaneStory, "9"),
        new("exits", MachineTexts.PaneExits, "2"),
        new("sites", MachineTexts.PaneSites, "3"),
        new("hypercalls", MachineTexts.PaneHypercalls, "4"),
        new(Latency, MachineTexts.PaneLatency, "l"),
        new("processors", MachineTexts.PaneProcessors, "5"),
        new(Memory, MachineTexts.PaneMemory, "6"),
        new("breakpoints", MachineTexts.PaneBreakpoints, "0"),
        new("serial", MachineTexts.PaneSerial, "7"),
        new("timeline", MachineTexts.PaneTimeline, "8"),
    ];

    /// <summary>The pane of an address, or null.</summary>
    public static MachinePane? Find(string? id) => All.FirstOrDefault(pane => string.Equals(pane.Id, id, StringComparison.OrdinalIgnoreCase));
}
