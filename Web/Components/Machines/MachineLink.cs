using System.Globalization;
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
