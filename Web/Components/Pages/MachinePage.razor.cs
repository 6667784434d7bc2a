using System.Security.Claims;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Components.Live;
using Hyperpatch.Web.Components.Machines;
using Hyperpatch.Web.Components.Shared;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Frames;
using Hyperpatch.Web.Machines.Views;
using Hyperpatch.Web.Security;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.JSInterop;

namespace Hyperpatch.Web.Components.Pages;

/// <summary>
/// One machine. Frames go to the browser as bytes and are drawn there; this side renders again only when something changed that the
/// page's structure depends on. Everything a person has chosen is in the address.
/// </summary>
public sealed partial class MachinePage : ComponentBase, IAsyncDisposable
{
    private ElementReference _root;
    private ClaimsPrincipal _user = new();
    private ManagedMachine? _machine;
    private MachineFacts? _facts;
    private MachinePane _pane = MachinePane.All[0];
    private MachineScript? _script;
    private FrameWatch? _watch;
    private string? _followed;
    private string? _pending;
    private string? _error;
    private bool _mayChange;
    private bool _isGone;
    private bool _isDisposed;
    private long _siteVersion;
    private double _commandedAt;

    /// <summary>Who is logged in.</summary>
    [CascadingParameter]
    public Task<AuthenticationState>? Session { get; set; }

    /// <summary>What is done with machines.</summary>
    [Inject]
    public required MachineCommands Commands { get; init; }

    /// <summary>The browser.</summary>
    [Inject]
    public required IJSRuntime Browser { get; init; }

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
    public int? Vcpu { get; set; }

    /// <summary>Hypercall sites: the one that is opened.</summary>
    [SupplyParameterFromQuery]
    public int? Site { get; set; }

    private bool MayPress => _mayChange && !_isGone;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        await LeaveAsync();
    }

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        if (Session is not null)
        {
            _user = (await Session).User;
            _mayChange = _user.MayChange();
        }

        _pane = MachinePane.Find(Pane);
        if (_machine?.Id == Id)
        {
            return;
        }

        await LeaveAsync();
        _isGone = false;
        _error = null;
        _machine = Commands.Get(_user, Id).Value;
        _facts = _machine is null ? null : Facts(_machine);
    }

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (_machine is not { } machine || _followed == machine.Id)
        {
            return;
        }

        _followed = machine.Id;
        try
        {
            _script = await MachineScript.LoadAsync(Browser, _root);
        }
        catch (Exception exception) when (BrowserLoss.Is(exception))
        {
            return;
        }

        if (_isDisposed)
        {
            await LeaveAsync();
            return;
        }

        StateHasChanged();
        await FollowAsync(machine, _script);
    }

    private static MachineFacts Facts(ManagedMachine machine)
    {
        MachineView view = machine.View();
        return new MachineFacts(view.State, view.Vendor, view.Policy, view.InterceptionLevel, machine.Machine.Epoch, view.Exit?.Reason, view.Exit?.Code);
    }

    private async Task FollowAsync(ManagedMachine machine, MachineScript script)
    {
        if (FrameWatch.Start(Commands, _user, machine.Id, FrameFilter.All, frames => InvokeAsync(() => ShowAsync(frames, script)), () => InvokeAsync(End)).Succeeded(out _watch, out CommandError? error))
        {
            await script.BackfillAsync(await Task.Run(() => MachineHistory.Read(machine)));
        }
        else
        {
            _error = error.Message;
        }
    }

    private void End()
    {
        _isGone = true;
        StateHasChanged();
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
        long siteVersion = Site is { } site && frames.SelectMany(frame => frame.Frame.Sites).LastOrDefault(view => view.Id == site) is { } seen ? seen.Attempts : _siteVersion;
        bool timelineGrew = _pane.Id == "timeline" && frames.Any(frame => frame.Frame.Timeline.Count > 0);
        if (facts != _facts || siteVersion != _siteVersion || timelineGrew)
        {
            _facts = facts;
            _siteVersion = siteVersion;
            StateHasChanged();
        }
    }

    private async Task LeaveAsync()
    {
        _followed = null;
        if (_watch is { } watch)
        {
            _watch = null;
            await watch.DisposeAsync();
        }

        if (_script is { } script)
        {
            _script = null;
            await script.DisposeAsync();
        }
    }

    private Task<bool> RunAsync() => DoAsync(Commands.RunAsync(_user, Id));

    private Task<bool> PauseAsync() => DoAsync(Commands.PauseAsync(_user, Id));

    private Task<bool> StepAsync() => DoAsync(Commands.StepAsync(_user, Id, null));

    private Task<bool> ResetAsync() => DoAsync(Commands.ResetAsync(_user, Id));

    private Task<bool> SetPolicyAsync(ChangeEventArgs change) => DoAsync(Commands.SetPolicyAsync(_user, Id, change.Value as string));

    private async Task SwitchAsync(string vendor)
    {
        _pending = vendor;
        await DoAsync(Commands.SwitchVendorAsync(_user, Id, vendor));
        _pending = null;
    }

    private async Task DeleteAsync()
    {
        if (await DoAsync(Commands.DeleteAsync(_user, Id)))
        {
            Navigation.NavigateTo("");
        }
    }

    private string? SendSerial(byte[] input) => Commands.SendSerial(_user, Id, input).Error?.Message;

    private async Task<bool> DoAsync(Task<CommandResult<ManagedMachine>> command)
    {
        _error = null;
        bool done = (await command).Succeeded(out ManagedMachine? machine, out CommandError? error);
        _error = error?.Message;
        if (done && machine == _machine)
        {
            // At once, without waiting for the next frame.
            _facts = Facts(machine!);
            _commandedAt = (DateTime.UtcNow - DateTime.UnixEpoch).TotalMilliseconds;
        }

        return done;
    }
}
