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
        new(Overview, "Overview", "1"),
        new(Story, "What just happened", "9"),
        new("exits", "Exits", "2"),
        new("sites", "Hypercall sites", "3"),
        new("hypercalls", "Hypercalls", "4"),
        new(Latency, "Latency", "l"),
        new("processors", "Processors", "5"),
        new(Memory, "Memory", "6"),
        new("breakpoints", "Breakpoints", "0"),
        new("serial", "Serial", "7"),
        new("timeline", "Timeline", "8"),
    ];

    /// <summary>The pane of an address, or null.</summary>
    public static MachinePane? Find(string? id) => All.FirstOrDefault(pane => string.Equals(pane.Id, id, StringComparison.OrdinalIgnoreCase));
}
