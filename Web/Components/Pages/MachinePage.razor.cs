using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Components.Live;
using Hyperpatch.Web.Components.Machines;
using Hyperpatch.Web.Components.Shared;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Frames;
using Hyperpatch.Web.Machines.Views;
using Hyperpatch.Web.Security;
using Hyperpatch.Web.Texts;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace Hyperpatch.Web.Components.Pages;

/// <summary>
/// One machine. Frames go to the browser as bytes and are drawn there; this side renders again only when something changed that the
/// page's structure depends on. Everything a person has chosen is in the address.
/// </summary>
public sealed partial class MachinePage : SessionPage, IAsyncDisposable
{
    private ElementReference _root;
    private ManagedMachine? _machine;
    private MachineFacts? _facts;
    private MachineQuery _query = MachineQuery.None;
    private MachineScript? _script;
    private FrameWatch? _watch;
    private string? _followed;
    private string? _pending;
    private string? _error;
    private bool _isGone;
    private bool _isDisposed;
    private int _turn;
    private long _siteVersion;
    private double _commandedAt;

    /// <summary>The browser.</summary>
    [Inject]
    public required IJSRuntime Browser { get; init; }

    /// <summary>For what a page cannot say.</summary>
    [Inject]
    public required ILogger<MachinePage> Logger { get; init; }

    /// <summary>For leaving the page.</summary>
    [Inject]
    public required NavigationManager Navigation { get; init; }

    /// <summary>The machine.</summary>
    [Parameter]
    public string Id { get; set; } = "";

    /// <summary>The pane.</summary>
    [SupplyParameterFromQuery]
    public string? Pane { get; set; }

    /// <summary>Exits: only this reason.</summary>
    [SupplyParameterFromQuery]
    public string? Reason { get; set; }

    /// <summary>Exits: only this processor.</summary>
    [SupplyParameterFromQuery(Name = "vcpu")]
    public string? Vcpu { get; set; }

    /// <summary>Hypercall sites: the one that is opened.</summary>
    [SupplyParameterFromQuery]
    public string? Site { get; set; }

    /// <summary>Memory: the address.</summary>
    [SupplyParameterFromQuery]
    public string? Address { get; set; }

    /// <summary>Memory: virtual or physical.</summary>
    [SupplyParameterFromQuery]
    public string? Space { get; set; }

    /// <summary>The story: the exit that is told.</summary>
    [SupplyParameterFromQuery]
    public string? Event { get; set; }

    /// <summary>Whether the page is for a projector.</summary>
    [SupplyParameterFromQuery]
    public string? Present { get; set; }

    private bool MayPress => MayChange && !_isGone;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        await LeaveAsync();
    }

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        await IdentifyAsync();

        if (_machine?.Id != Id)
        {
            await LeaveAsync();
            _isGone = false;
            _error = null;
            _machine = Commands.Get(User, Id).Value;
            _facts = _machine is null ? null : Facts(_machine);
        }

        // As text, and understood here: an address that names a number "abc" is no reason for the framework to fail the whole page.
        _query = MachineQuery.Parse(Pane, Reason, Vcpu, Site, Address, Space, _machine?.ProcessorCount ?? 0, Event, Present);
    }

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        // While one machine is left for another, it is shown still, and must not be followed anew.
        if (_machine is not { } machine || machine.Id != Id || _followed == machine.Id)
        {
            return;
        }

        _followed = machine.Id;
        int turn = ++_turn;
        MachineScript script;
        try
        {
            script = await MachineScript.LoadAsync(Browser, _root);
        }
        catch (Exception exception) when (BrowserLoss.Is(exception) || IsStale(turn))
        {
            // Left before it began: its elements are no longer in the document, which is the next page's by now.
            return;
        }

        if (IsStale(turn))
        {
            await script.DisposeAsync();
            return;
        }

        _script = script;
        StateHasChanged();
        await FollowAsync(machine, script, turn);
    }

    private static MachineFacts Facts(ManagedMachine machine)
    {
        MachineView view = machine.View();
        return new MachineFacts(view.State, view.Vendor, view.Policy, view.InterceptionLevel, machine.Machine.Epoch, view.Exit?.Reason, view.Exit?.Code, view.PausedBy);
    }

    // The page may have gone on to another machine, or away, while the browser was waited for.
    private bool IsStale(int turn) => _isDisposed || turn != _turn;

    private async Task FollowAsync(ManagedMachine machine, MachineScript script, int turn)
    {
        Task IfShownAsync(Func<Task> show) => InvokeAsync(() => IsStale(turn) ? Task.CompletedTask : show());
        CommandResult<FrameWatch> started = FrameWatch.Start(
            Commands, User, machine.Id, FrameFilter.All, frames => IfShownAsync(() => ShowAsync(frames, script)), Logger, () => IfShownAsync(EndAsync), () => IfShownAsync(FailAsync));
        if (started.Succeeded(out _watch, out CommandError? error))
        {
            await script.BackfillAsync(await Task.Run(() => MachineHistory.Read(machine)));
        }
        else
        {
            _error = error.Message;
            StateHasChanged();
        }
    }

    private Task FailAsync()
    {
        _error = PageTexts.TheLiveViewHasFailed;
        StateHasChanged();
        return Task.CompletedTask;
    }

    private Task EndAsync()
    {
        _isGone = true;
        StateHasChanged();
        return Task.CompletedTask;
    }

    private async Task ShowAsync(IReadOnlyList<EncodedFrame> frames, MachineScript script)
    {
        Look(frames);

        // One call at a time: a slow browser makes its own subscription drop frames, and nothing else.
        foreach (EncodedFrame frame in frames)
        {
            await script.PushAsync(frame.JsonBytes);
        }
    }

    // Renders again only where the structure depends on what changed.
    private void Look(IReadOnlyList<EncodedFrame> frames)
    {
        MachineFrame latest = frames[^1].Frame;

        // A frame made before the latest command was done would turn the page back for a moment.
        MachineFacts facts = latest.At < _commandedAt ? _facts! : MachineFacts.Of(latest);
        long siteVersion = _query.Site is { } site && frames.SelectMany(frame => frame.Frame.Sites).LastOrDefault(view => view.Id == site) is { } seen ? seen.Attempts : _siteVersion;
        bool timelineGrew = _query.Pane.Id == "timeline" && frames.Any(frame => frame.Frame.Timeline.Count > 0);
        if (facts != _facts || siteVersion != _siteVersion || timelineGrew)
        {
            _facts = facts;
            _siteVersion = siteVersion;
            StateHasChanged();
        }
    }

    private async Task LeaveAsync()
    {
        _turn++;
        _followed = null;
        FrameWatch? watch = _watch;
        MachineScript? script = _script;
        _watch = null;
        _script = null;

        // The browser first: the watch waits for the frame that is on its way there.
        if (script is not null)
        {
            await script.DisposeAsync();
        }

        if (watch is not null)
        {
            await watch.DisposeAsync();
        }
    }

    private Task<bool> RunAsync() => DoAsync(Commands.RunAsync(User, Id));

    private Task<bool> PauseAsync() => DoAsync(Commands.PauseAsync(User, Id));

    private Task<bool> StepAsync() => DoAsync(Commands.StepAsync(User, Id, null));

    private Task<bool> ResetAsync() => DoAsync(Commands.ResetAsync(User, Id));

    private Task<bool> SetPolicyAsync(ChangeEventArgs change) => DoAsync(Commands.SetPolicyAsync(User, Id, change.Value as string));

    private async Task SwitchAsync(string vendor)
    {
        _pending = vendor;
        await DoAsync(Commands.SwitchVendorAsync(User, Id, vendor));
        _pending = null;
    }

    private async Task DeleteAsync()
    {
        if (await DoAsync(Commands.DeleteAsync(User, Id)))
        {
            Navigation.NavigateTo("");
        }
    }

    private string? SendSerial(byte[] input) => Commands.SendSerial(User, Id, input).Error?.Message;

    private async Task<bool> DoAsync(Task<CommandResult<ManagedMachine>> command)
    {
        _error = null;
        bool done = (await command).Succeeded(out ManagedMachine? machine, out CommandError? error);
        _error = error?.Message;
        if (done && machine == _machine)
        {
            // At once, without waiting for the next frame.
            _facts = Facts(machine!);
            _commandedAt = MomentClock.Shared.NowUnixMs;
        }

        return done;
    }
}
