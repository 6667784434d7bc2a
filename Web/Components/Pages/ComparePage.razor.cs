using System.Text.Json;
using Hyperpatch.Web.Components.Live;
using Hyperpatch.Web.Components.Machines;
using Hyperpatch.Web.Components.Shared;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Frames;
using Hyperpatch.Web.Texts;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace Hyperpatch.Web.Components.Pages;

/// <summary>Two machines side by side, on the same axes. Which two, and over how much time, is in the address.</summary>
public sealed partial class ComparePage : SessionPage, IAsyncDisposable
{
    private const string LeftSide = "left";
    private const string RightSide = "right";
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(5);

    // Counters and sites alone: nobody reads single exits here.
    private static readonly FrameFilter s_filter = new() { Exits = 0 };

    private readonly List<FrameWatch> _watches = [];
    private readonly HashSet<string> _gone = [];
    private ElementReference _root;
    private ManagedMachine? _left;
    private ManagedMachine? _right;
    private ChartRange _range = ChartRange.All[0];
    private (ManagedMachine? Left, ManagedMachine? Right) _followed;
    private int _turn;
    private IJSObjectReference? _module;
    private IJSObjectReference? _view;
    private string? _error;
    private string? _rangeError;
    private bool _isDisposed;

    /// <summary>How many machines there are.</summary>
    [Inject]
    public required MachineRegistry Registry { get; init; }

    /// <summary>The browser.</summary>
    [Inject]
    public required IJSRuntime Browser { get; init; }

    /// <summary>For the choice in the address.</summary>
    [Inject]
    public required NavigationManager Navigation { get; init; }

    /// <summary>For what a page cannot say.</summary>
    [Inject]
    public required ILogger<ComparePage> Logger { get; init; }

    /// <summary>The machine on the left, as in the address.</summary>
    [SupplyParameterFromQuery]
    public string? Left { get; set; }

    /// <summary>The machine on the right, as in the address.</summary>
    [SupplyParameterFromQuery]
    public string? Right { get; set; }

    /// <summary>Time shown, as in the address.</summary>
    [SupplyParameterFromQuery]
    public string? Range { get; set; }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        IJSObjectReference? view = _view;
        _view = null;

        // The browser first: a watch waits for the frame that is on its way there.
        await BrowserFarewell.SayAsync(view, _module);
        await StopAsync();
    }

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        await IdentifyAsync();

        _left = Find(Left);
        _right = Find(Right);
        _range = ChartRange.Find(Range) ?? ChartRange.All[0];
        _rangeError = string.IsNullOrWhiteSpace(Range) || ChartRange.Find(Range) is not null
            ? null
            : Phrase.Of(PageTexts.AChartShowsNot, string.Join(", ", ChartRange.All.Select(range => range.Id)), QueryWords.Cut(Range));
    }

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (_followed == (_left, _right))
        {
            return;
        }

        _followed = (_left, _right);
        int turn = ++_turn;
        await StopAsync();

        // Meanwhile others may have been picked: they are followed already.
        if (IsStale(turn))
        {
            return;
        }

        if (_gone.Count > 0 || _error is not null)
        {
            _gone.Clear();
            _error = null;
            StateHasChanged();
        }

        if (_followed is ({ } left, { } right))
        {
            try
            {
                await FollowAsync(left, right, turn);
            }
            catch (Exception exception) when (BrowserLoss.Is(exception) || _isDisposed)
            {
                // Left before it began.
            }
        }
    }

    private static string? UnknownOf(string? asked, ManagedMachine? found) => found is null && !string.IsNullOrWhiteSpace(asked) ? QueryWords.Cut(asked) : null;

    private ManagedMachine? Find(string? id) => string.IsNullOrWhiteSpace(id) ? null : Commands.Get(User, id).Value;

    // Whoever picks quickly is ahead of the browser: what was begun for the machines before is then given up.
    private bool IsStale(int turn) => _isDisposed || turn != _turn;

    private async Task FollowAsync(ManagedMachine left, ManagedMachine right, int turn)
    {
        _module ??= await Browser.InvokeAsync<IJSObjectReference>("import", ScriptModules.Import(ScriptModules.Compare));
        _view ??= await _module.InvokeAsync<IJSObjectReference>("create", _root);
        if (_isDisposed)
        {
            await BrowserFarewell.SayAsync(_view, _module);
            return;
        }

        if (IsStale(turn))
        {
            return;
        }

        await _view.InvokeVoidAsync("begin", s_limit, left.Name, right.Name);
        foreach ((string side, ManagedMachine machine) in new[] { (LeftSide, left), (RightSide, right) })
        {
            byte[] points = await Task.Run(() => JsonSerializer.SerializeToUtf8Bytes(RatePoints.Of(machine.Machine.Rates.Read()), JsonSerializerOptions.Web));
            if (IsStale(turn))
            {
                return;
            }

            await _view.InvokeVoidAsync("backfill", s_limit, side, points);
            if (IsStale(turn))
            {
                return;
            }

            Watch(side, machine);
        }
    }

    private void Watch(string side, ManagedMachine machine)
    {
        CommandResult<FrameWatch> started = FrameWatch.Start(
            Commands,
            User,
            machine.Id,
            s_filter,
            frames => InvokeAsync(() => ShowAsync(side, machine, frames)),
            Logger,
            () => InvokeAsync(() => End(side, machine)),
            () => InvokeAsync(() => Say(PageTexts.TheLiveViewOfBothHasFailed)));
        if (started.Succeeded(out FrameWatch? watch, out CommandError? error))
        {
            _watches.Add(watch);
        }
        else
        {
            Say(error.Message);
        }
    }

    private bool IsFollowed(string side, ManagedMachine machine) => (side == LeftSide ? _followed.Left : _followed.Right) == machine;

    private void End(string side, ManagedMachine machine)
    {
        if (IsFollowed(side, machine))
        {
            _gone.Add(side);
            StateHasChanged();
        }
    }

    private void Say(string text)
    {
        _error = text;
        StateHasChanged();
    }

    private async Task ShowAsync(string side, ManagedMachine machine, IReadOnlyList<EncodedFrame> frames)
    {
        foreach (EncodedFrame frame in frames)
        {
            try
            {
                if (_view is { } view && IsFollowed(side, machine))
                {
                    await view.InvokeVoidAsync("push", s_limit, side, frame.JsonBytes.ToArray());
                }
            }
            catch (Exception exception) when (BrowserLoss.Is(exception))
            {
                // The next frame tells all of it again.
            }
        }
    }

    private async Task StopAsync()
    {
        FrameWatch[] watches = [.. _watches];
        _watches.Clear();
        foreach (FrameWatch watch in watches)
        {
            await watch.DisposeAsync();
        }
    }

    private void Go(string? left, string? right) => Navigation.NavigateTo(CompareLink.To(left, right, _range), replace: true);
}
