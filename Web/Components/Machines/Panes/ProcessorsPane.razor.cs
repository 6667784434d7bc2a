using System.Security.Claims;
using Hyperpatch.Web.Components.Live;
using Hyperpatch.Web.Machines;
using Microsoft.AspNetCore.Components;

namespace Hyperpatch.Web.Components.Machines.Panes;

/// <summary>A card a processor; registers are looked at again about once a second.</summary>
public sealed partial class ProcessorsPane : RefreshingComponent
{
    /// <summary>The machine.</summary>
    [Parameter, EditorRequired]
    public ManagedMachine Machine { get; set; } = default!;

    /// <summary>Who looks.</summary>
    [Parameter, EditorRequired]
    public ClaimsPrincipal User { get; set; } = default!;

    /// <summary>Whether the person may change things.</summary>
    [Parameter]
    public bool MayChange { get; set; }
}
