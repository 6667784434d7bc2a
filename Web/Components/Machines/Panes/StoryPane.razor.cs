using System.Globalization;
using System.Security.Claims;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Machine.PausePoints;
using Hyperpatch.Web.Components.Live;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Stories;
using Hyperpatch.Web.Machines.Views;
using Microsoft.AspNetCore.Components;

namespace Hyperpatch.Web.Components.Machines.Panes;

/// <summary>
/// One patch, or other #UD, told step by step. Follows the latest, looked at again about once a second and whenever the machine's state
/// changes, or holds still on the one that the page's address names.
/// </summary>
public sealed partial class StoryPane : RefreshingComponent
{
    private Story? _story;
    private int? _site;
    private (long? Sequence, int Sites) _siteOf = (null, -1);
    private int? _waiting;
    private string? _error;
    private string _shownFor = "";
    private long? _pausedAt;
    private long _newestAtPause;

    /// <summary>The machine.</summary>
    [Parameter, EditorRequired]
    public ManagedMachine Machine { get; set; } = default!;

    /// <summary>The exit that is told, by its number in the machine's history; null: the latest.</summary>
    [Parameter]
    public long? Event { get; set; }

    /// <summary>Who looks.</summary>
    [Parameter, EditorRequired]
    public ClaimsPrincipal User { get; set; } = default!;

    /// <summary>Whether the person may change things.</summary>
    [Parameter]
    public bool MayChange { get; set; }

    /// <summary>Whether the links lead to pages for a projector.</summary>
    [Parameter]
    public bool IsPresenter { get; set; }

    /// <summary>What is done with machines.</summary>
    [Inject]
    public required MachineCommands Commands { get; init; }

    private int Processor => _story?.Exit.Processor ?? 0;

    private bool IsOver => Machine.Machine.State is MachineState.Stopped or MachineState.Failed;

    /// <inheritdoc/>
    protected override void OnParametersSet()
    {
        string wanted = $"{Machine.Id}/{Event}";
        if (_shownFor != wanted)
        {
            _shownFor = wanted;
            _siteOf = (null, -1);
            _story = null;
            _error = null;
        }

        Refresh();
    }

    /// <inheritdoc/>
    protected override void Refresh()
    {
        // One that is held stays, even when the history has gone on without it.
        _story = StoryTeller.Tell(Machine.Machine, Event ?? PausedAt()) ?? _story;
        FindSite();
        _waiting = Machine.Machine.PausePoints.FirstOrDefault(point => point.Options is { Kind: PausePointKind.Patch, Once: true, Processor: null })?.Id;
    }

    // A guest may have thousands of sites, and many may watch: looked for only where the story or the sites are others.
    private void FindSite()
    {
        (long?, int) wanted = (_story?.Exit.Sequence, Machine.Machine.Sites.Count);
        if (_siteOf == wanted)
        {
            return;
        }

        _siteOf = wanted;
        _site = _story?.Exit.Site is { } text && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong linear)
            ? Machine.Machine.Sites.All().FirstOrDefault(site => site.Linear == linear)?.Id
            : null;
    }

    // Of several processors that patched at nearly the same moment the one that paused the machine is told, until a step brings a new one.
    private long? PausedAt()
    {
        VirtualMachine machine = Machine.Machine;
        long newest = machine.Journal.FindNotable(null, out _, out _)?.Exit.Sequence ?? 0;
        if (machine.State != MachineState.Paused)
        {
            _pausedAt = null;
        }
        else if (machine.PausedBy is { Sequence: { } sequence, Point.Options.Kind: PausePointKind.Patch or PausePointKind.InvalidOpcode })
        {
            _pausedAt = sequence;
            _newestAtPause = newest;
        }
        else if (newest > _newestAtPause)
        {
            _pausedAt = null;
        }

        return _pausedAt;
    }

    private async Task WaitForPatchAsync()
    {
        _error = _waiting is { } point
            ? (await Commands.RemovePausePointAsync(User, Machine.Id, point)).Error?.Message
            : await PauseAtNextAsync();
        Refresh();
    }

    private async Task<string?> PauseAtNextAsync()
    {
        if (!(await Commands.AddPausePointAsync(User, Machine.Id, new PausePointRequest { Kind = "patch", Once = true })).Succeeded(out PausePointView? _, out CommandError? error))
        {
            return error.Message;
        }

        return Machine.Machine.State == MachineState.Running ? null : (await Commands.RunAsync(User, Machine.Id)).Error?.Message;
    }

    private string Link(long? sequence) =>
        new MachineLink(Machine.Id) { Pane = IsPresenter ? null : MachinePane.Story, Event = sequence, IsPresenter = IsPresenter }.ToString();
}
