using System.Globalization;
using System.Text.Json;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Components.Live;
using Hyperpatch.Web.Components.Shared;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Views;
using Hyperpatch.Web.Texts;
using Microsoft.AspNetCore.Components;

namespace Hyperpatch.Web.Components.Machines.Panes;

/// <summary>Handling times: percentiles, histogram, and a heat map over time. Its figures go only to the browsers that show it, once a second.</summary>
public sealed partial class LatencyPane : ComponentBase, IDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);
    private ChartRange _range = ChartRange.All[0];
    private string? _rangeError;
    private readonly Following _following = new();
    private (string?, ChartRange, ManagedMachine?, MachineScript?) _shown;

    /// <summary>For reason and range in the address.</summary>
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

    /// <inheritdoc/>
    public void Dispose() => _following.Dispose();

    /// <inheritdoc/>
    protected override void OnParametersSet()
    {
        string? wanted = PaneQuery.Value(Navigation, "range");
        ChartRange? known = ChartRange.Find(wanted);
        _range = known ?? ChartRange.All[0];
        _rangeError = known is null && !string.IsNullOrWhiteSpace(wanted)
            ? Phrase.Of(PaneTexts.HandlingTimesAreShownOver, string.Join(", ", ChartRange.All.Select(range => range.Id)), _range.Title)
            : null;
    }

    /// <inheritdoc/>
    protected override void OnAfterRender(bool firstRender)
    {
        if (Script is not { } script || _shown == (Reason, _range, Machine, script))
        {
            return;
        }

        _shown = (Reason, _range, Machine, script);
        ChartRange range = _range;
        VirtualMachine machine = Machine.Machine;
        ExitReason? reason = Words.TryParse(Reason, out ExitReason known) ? known : null;
        _following.Begin(ended => FollowAsync(script, machine, range, reason, ended));
    }

    private string File(string table) => ExportLink.To(Machine.Id, table, new("reason", Reason), new("seconds", (_range.Milliseconds / 1000).ToString(CultureInfo.InvariantCulture)));

    private static async Task FollowAsync(MachineScript script, VirtualMachine machine, ChartRange range, ExitReason? reason, CancellationToken cancellation)
    {
        try
        {
            long position = 0;
            using PeriodicTimer timer = new(s_interval);
            do
            {
                long after = Math.Max(position, LatencyViews.Begin(range.Span));
                bool isFirst = position == 0;
                (byte[] json, long end) = await Task.Run(() => Look(machine, range, reason, after, isFirst), cancellation);
                cancellation.ThrowIfCancellationRequested();

                // What did not arrive would be missing for as long as the heat map reaches back: then it begins anew.
                position = await script.ShowLatencyAsync(json) ? Math.Max(position, end) : 0;
            }
            while (await timer.WaitForNextTickAsync(cancellation));
        }
        catch (OperationCanceledException)
        {
            // Another reason, another range, another pane, or nobody there any more.
        }
    }

    private static (byte[] Json, long End) Look(VirtualMachine machine, ChartRange range, ExitReason? reason, long after, bool isFirst)
    {
        IReadOnlyList<LatencyColumn> columns = machine.Latency.Read(range.Span, after, reason);
        LatencyMap map = new(range.Id, reason?.Name(), [.. columns.Select(LatencyMapColumn.Of)]);
        LatencyUpdate update = LatencyUpdate.Of(isFirst, LatencyViews.Lately(machine, range.Span, reason), map);
        return (JsonSerializer.SerializeToUtf8Bytes(update, JsonSerializerOptions.Web), columns.Count > 0 ? columns[^1].Timestamp : 0);
    }

    private string Link(ChartRange range, string? reason) => new MachineLink(Machine.Id)
    {
        Pane = MachinePane.Latency,
        Reason = reason,
        More = [new("range", range == ChartRange.All[0] ? null : range.Id)],
    }.ToString();
}
