using System.Globalization;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Inspection;

namespace Hyperpatch.Web.Components.Machines;

/// <summary>
/// What the address of a machine's page asks for. People type addresses and shorten them: what is not understood is left out and named,
/// so that nobody takes an unfiltered table for a filtered one.
/// </summary>
/// <param name="Pane">The pane; the first where none, or an unknown one, is asked for.</param>
/// <param name="Reason">Exits: only this reason, spelt as the engine spells it.</param>
/// <param name="Processor">Exits: only this processor.</param>
/// <param name="Site">The hypercall site that is opened.</param>
/// <param name="Address">Memory: the address as typed, or null.</param>
/// <param name="Space">Memory: what the address means.</param>
/// <param name="Unknown">What was not understood, a few words each.</param>
public sealed record MachineQuery(MachinePane Pane, string? Reason, int? Processor, int? Site, string? Address, AddressSpace Space, IReadOnlyList<string> Unknown)
{
    /// <summary>The story: the exit that is told, by its number in the machine's history; null: the latest.</summary>
    public long? Event { get; init; }

    /// <summary>Whether the page is for a projector.</summary>
    public bool IsPresenter { get; init; }

    /// <summary>Nothing asked for.</summary>
    public static MachineQuery None { get; } = new(MachinePane.All[0], null, null, null, null, AddressSpace.Virtual, []);

    /// <summary>Reasons that exits can be filtered by: what the host itself brought about is not recorded.</summary>
    public static IReadOnlyList<string> Reasons { get; } =
        [.. Enum.GetValues<ExitReason>().Where(reason => reason.IsTold()).Select(reason => reason.Name())];

    /// <summary>Understands what can be understood.</summary>
    /// <param name="pane">As in the address.</param>
    /// <param name="reason">As in the address.</param>
    /// <param name="processor">As in the address.</param>
    /// <param name="site">As in the address.</param>
    /// <param name="address">As in the address; understood later, by the pane.</param>
    /// <param name="space">As in the address.</param>
    /// <param name="processors">How many processors the machine has.</param>
    /// <param name="story">The exit that is told, as in the address.</param>
    /// <param name="present">Whether for a projector, as in the address.</param>
    public static MachineQuery Parse(string? pane, string? reason, string? processor, string? site, string? address, string? space, int processors, string? story = null, string? present = null)
    {
        List<string> unknown = [];
        MachinePane? knownPane = MachinePane.Find(pane);
        Check("pane", pane, knownPane is not null);

        ExitReason? known = Words.TryParse(reason, out ExitReason parsed) && Reasons.Contains(parsed.Name()) ? parsed : null;
        Check("reason", reason, known is not null);

        int? knownProcessor = Number(processor) is { } index && index < processors ? index : null;
        Check("vCPU", processor, knownProcessor is not null);

        int? knownSite = Number(site);
        Check("site", site, knownSite is not null);

        bool isSpace = Words.TryParse(space, out AddressSpace knownSpace);
        Check("space", space, isSpace);
        long? knownEvent = long.TryParse(story, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out long sequence) && sequence > 0 ? sequence : null;
        Check("event", story, knownEvent is not null);
        Check("present", present, present is "0" or "1");
        return new MachineQuery(
            knownPane ?? MachinePane.All[0], known?.Name(), knownProcessor, knownSite, string.IsNullOrWhiteSpace(address) ? null : address, knownSpace, unknown)
        {
            Event = knownEvent,
            IsPresenter = present == "1",
        };

        void Check(string name, string? text, bool isKnown)
        {
            if (!isKnown && !string.IsNullOrWhiteSpace(text))
            {
                unknown.Add($"{name} \"{QueryWords.Cut(text)}\"");
            }
        }
    }

    private static int? Number(string? text) =>
        int.TryParse(text, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out int number) ? number : null;
}
