using System.Globalization;
using System.Text.Json;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Machines;
using Microsoft.AspNetCore.Components;

namespace Hyperpatch.Web.Components.Machines.Panes;

/// <summary>
/// Chart and table of exits. Without a filter the table lives on the frames; with one it asks the journal, because among thousands of
/// port accesses a frame has no room for the one exit that is looked for.
/// </summary>
public sealed partial class ExitsPane : ComponentBase, IAsyncDisposable
{
    private const int Most = 200;
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(400);

    private bool _frozen;
    private CancellationTokenSource? _following;
    private (string?, int?, ManagedMachine?, MachineScript?) _shown;

    /// <summary>For filters in the address.</summary>
    [Inject]
    public required NavigationManager Navigation { get; init; }

    /// <summary>The machine.</summary>
    [Parameter, EditorRequired]
    public ManagedMachine Machine { get; set; } = default!;

    /// <summary>The browser's side, once it is there.</summary>
    [Parameter]
    public MachineScript? Script { get; set; }

    /// <summary>Only this reason, or null.</summary>
    [Parameter]
    public string? Reason { get; set; }

    /// <summary>Only this processor, or null.</summary>
    [Parameter]
    public int? Processor { get; set; }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (Script is not null)
        {
            await Script.SetExitsAsync("[]"u8.ToArray(), null, null);
            if (_frozen)
            {
                await Script.FreezeAsync(false);
            }
        }
    }

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (Script is null || _shown == (Reason, Processor, Machine, Script))
        {
            return;
        }

        _shown = (Reason, Processor, Machine, Script);
        await StopAsync();
        _following = new CancellationTokenSource();
        _ = FollowAsync(Script, _following.Token);
    }

    private static int? Number(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;

    private static byte[] Encode(IReadOnlyList<ExitEvent> exits) => JsonSerializer.SerializeToUtf8Bytes(exits, JsonSerializerOptions.Web);

    private async Task StopAsync()
    {
        if (_following is { } following)
        {
            _following = null;
            await following.CancelAsync();
            following.Dispose();
        }
    }

    private async Task FollowAsync(MachineScript script, CancellationToken cancellation)
    {
        ExitReason? reason = Words.TryParse(Reason, out ExitReason parsed) ? parsed : null;
        int? processor = Processor;
        bool isFiltered = reason is not null || processor is not null;
        long position = isFiltered ? 0 : Math.Max(0, Machine.Machine.Journal.LastSequence - Most);
        IReadOnlyList<ExitEvent> exits = Latest(ref position, reason, processor);
        await script.SetExitsAsync(Encode(exits), reason?.Name(), processor);
        if (!isFiltered)
        {
            return;
        }

        try
        {
            using PeriodicTimer timer = new(s_interval);
            while (await timer.WaitForNextTickAsync(cancellation))
            {
                exits = Latest(ref position, reason, processor);
                if (exits.Count > 0)
                {
                    await script.AddExitsAsync(Encode(exits));
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Another filter, another pane, or nobody there any more.
        }
    }

    // The latest that fit, oldest first. The position moves on to where the next look begins.
    private IReadOnlyList<ExitEvent> Latest(ref long position, ExitReason? reason, int? processor)
    {
        Machine.Machine.Journal.Drain();
        long end = Machine.Machine.Journal.LastSequence;
        IReadOnlyList<ExitEvent> latest = [];
        while (position < end)
        {
            IReadOnlyList<ExitEvent> batch = Machine.Recorded(position, Most, reason, processor);
            if (batch.Count == 0)
            {
                position = end;
                break;
            }

            latest = batch.Count == Most ? batch : [.. latest.Concat(batch).TakeLast(Most)];
            position = batch[^1].Sequence;
        }

        return latest;
    }

    private async Task FreezeAsync()
    {
        _frozen = !_frozen;
        if (Script is not null)
        {
            await Script.FreezeAsync(_frozen);
        }
    }

    private void Go(string? reason, int? processor) =>
        Navigation.NavigateTo(new MachineLink(Machine.Id) { Pane = "exits", Reason = reason, Processor = processor }.ToString(), replace: true);
}
