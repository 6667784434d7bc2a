using System.Text.Json;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Components.Machines;
using Hyperpatch.Web.Components.Shared;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Security;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace Hyperpatch.Web.Components.Pages;

/// <summary>All machines, a card each. Totals go to the browser twice a second; cards are rendered again when a state changed.</summary>
public sealed partial class MachinesPage : SessionPage, IAsyncDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(5);
    private readonly CancellationTokenSource _ended = new();
    private ElementReference _root;
    private IReadOnlyList<ManagedMachine> _machines = [];
    private Dictionary<string, MachineFacts> _facts = [];
    private IJSObjectReference? _module;
    private IJSObjectReference? _view;
    private string? _missing;
    private string? _error;

    /// <summary>The machines.</summary>
    [Inject]
    public required MachineRegistry Registry { get; init; }

    /// <summary>The host's back ends.</summary>
    [Inject]
    public required AcceleratorSet Accelerators { get; init; }

    /// <summary>The machine that runs from the start.</summary>
    [Inject]
    public required DemoMachine Demo { get; init; }

    /// <summary>The browser.</summary>
    [Inject]
    public required IJSRuntime Browser { get; init; }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        _ended.Dispose();
        await BrowserFarewell.SayAsync(_view, _module);
    }

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync()
    {
        await IdentifyAsync();

        _missing = Accelerators.Select() is UnavailableAccelerator none ? none.Check().Reason : null;
        Look();
    }

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!firstRender)
        {
            return;
        }

        try
        {
            _module = await Browser.InvokeAsync<IJSObjectReference>("import", _ended.Token, ScriptModules.Import(ScriptModules.Cards));
            _view = await _module.InvokeAsync<IJSObjectReference>("create", _ended.Token, _root);
            _ = FollowAsync(_view, _ended.Token);
        }
        catch (Exception exception) when (BrowserLoss.Is(exception))
        {
            // Left before it began.
        }
    }

    private static MachineFacts Read(ManagedMachine machine)
    {
        VirtualMachine engine = machine.Machine;
        return new MachineFacts(
            MachineViews.Name(engine.State), engine.Vendor.Id, PolicyNames.Of(engine.Policy), PolicyNames.Of(engine.Level), engine.Epoch, engine.Exit?.Reason, engine.Exit?.Code, MachineViews.Pause(engine.PausedBy));
    }

    private MachineFacts Facts(ManagedMachine machine) => _facts.TryGetValue(machine.Id, out MachineFacts? facts) ? facts : Read(machine);

    // True where something changed that cards are made of.
    private bool Look()
    {
        IReadOnlyList<ManagedMachine> machines = User.MayWatch() ? Registry.All : [];
        var facts = machines.ToDictionary(machine => machine.Id, Read);
        bool changed = !machines.SequenceEqual(_machines) || facts.Any(pair => !_facts.TryGetValue(pair.Key, out MachineFacts? before) || before != pair.Value);
        _machines = machines;
        _facts = facts;
        return changed;
    }

    private async Task FollowAsync(IJSObjectReference view, CancellationToken cancellation)
    {
        try
        {
            using PeriodicTimer timer = new(s_interval);
            do
            {
                await InvokeAsync(() => ShowAsync(view));
            }
            while (await timer.WaitForNextTickAsync(cancellation));
        }
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
        {
            // The page is left.
        }
    }

    private async Task ShowAsync(IJSObjectReference view)
    {
        if (Look())
        {
            StateHasChanged();
        }

        var totals = _machines.ToDictionary(machine => machine.Id, machine => machine.Machine.Journal.Count);
        try
        {
            await view.InvokeVoidAsync("push", s_limit, JsonSerializer.SerializeToUtf8Bytes(totals));
        }
        catch (Exception exception) when (BrowserLoss.Is(exception))
        {
            // The next totals tell it again.
        }
    }

    private async Task DoAsync(Task<CommandResult<ManagedMachine>> command)
    {
        _error = (await command).Error?.Message;
        Look();
    }
}
