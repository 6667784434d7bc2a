using System.Globalization;
using Hyperpatch.Web.Machines.Inspection;
using Microsoft.AspNetCore.WebUtilities;

namespace Hyperpatch.Web.Components.Machines;

/// <summary>The address of a view of a machine: what a link shares.</summary>
/// <param name="Id">The machine.</param>
public sealed record MachineLink(string Id)
{
    /// <summary>The pane, or null for the first.</summary>
    public string? Pane { get; init; }

    /// <summary>Exits: only this reason.</summary>
    public string? Reason { get; init; }

    /// <summary>Exits: only this processor.</summary>
    public int? Processor { get; init; }

    /// <summary>The site that is opened.</summary>
    public int? Site { get; init; }

    /// <summary>Memory: the address, as a person types it.</summary>
    public string? Address { get; init; }

    /// <summary>Memory: physical, or null for virtual.</summary>
    public string? Space { get; init; }

    /// <summary>Whatever else a pane has in its address.</summary>
    public IEnumerable<KeyValuePair<string, string?>> More { get; init; } = [];

    /// <summary>The story: the exit that it is about, by its number in the machine's history; null: the latest.</summary>
    public long? Event { get; init; }

    /// <summary>Whether for a projector: the story and little else.</summary>
    public bool IsPresenter { get; init; }

    /// <summary>The memory pane at an address of a machine.</summary>
    /// <param name="id">The machine.</param>
    /// <param name="address">As a person types it.</param>
    /// <param name="space">What it means.</param>
    /// <param name="processor">Through whose eyes.</param>
    public static MachineLink ToMemory(string id, string? address, AddressSpace space, int processor) => new(id)
    {
        // What the pane shows anyhow is left out: a short address is the better link.
        Pane = MachinePane.Memory,
        Address = address,
        Space = space == AddressSpace.Virtual ? null : space.Name(),
        Processor = processor == 0 ? null : processor,
    };

    /// <summary>The address, relative to the site.</summary>
    public override string ToString() => QueryHelpers.AddQueryString("machines/" + Uri.EscapeDataString(Id), Query());

    private Dictionary<string, string?> Query()
    {
        Dictionary<string, string?> query = [];
        Add("pane", Pane == MachinePane.Overview ? null : Pane);
        Add("reason", Reason);
        Add("vcpu", Processor?.ToString(CultureInfo.InvariantCulture));
        Add("site", Site?.ToString(CultureInfo.InvariantCulture));
        Add("address", Address);
        Add("space", Space);
        Add("event", Event?.ToString(CultureInfo.InvariantCulture));
        Add("present", IsPresenter ? "1" : null);
        foreach ((string name, string? value) in More)
        {
            Add(name, value);
        }

        return query;

        void Add(string name, string? value)
        {
            if (!string.IsNullOrEmpty(value))
            {
                query[name] = value;
            }
        }
    }
}
