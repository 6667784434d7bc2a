using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine.Frames;

namespace Hyperpatch.Web.Machines.Views;

/// <summary>Handling times as plain tables. Times are in nanoseconds, moments in milliseconds since 1970 UTC.</summary>
public static class LatencyTables
{
    /// <summary>Percentiles: a row a reason.</summary>
    /// <param name="views">As of <see cref="LatencyViews"/>.</param>
    public static ViewTable Percentiles(IReadOnlyList<LatencyView> views) => new(
        ["reason", "count", "p50Ns", "p90Ns", "p99Ns", "maxNs"],
        [.. (views ?? []).Select(view => (IReadOnlyList<object?>)[view.Reason, view.Times.Count, view.Times.P50Ns, view.Times.P90Ns, view.Times.P99Ns, view.Times.MaxNs])]);

    /// <summary>Histograms: a row a bucket of a reason.</summary>
    /// <param name="views">As of <see cref="LatencyViews"/>.</param>
    public static ViewTable Histograms(IReadOnlyList<LatencyView> views) => new(
        ["reason", "fromNs", "toNs", "count"],
        [.. (views ?? []).SelectMany(view => view.Buckets, (view, bucket) => (IReadOnlyList<object?>)[view.Reason, bucket.FromNs, bucket.ToNs, bucket.Count])]);

    /// <summary>The heat map: a row a bucket of a column.</summary>
    /// <param name="columns">As of <see cref="LatencyHistory.Read"/>.</param>
    public static ViewTable HeatMap(IReadOnlyList<LatencyColumn> columns) => new(
        ["from", "to", "fromNs", "toNs", "count"],
        [
            .. (columns ?? []).SelectMany(column => column.Cells, (column, cell) => (IReadOnlyList<object?>)
            [
                Math.Round(ExitEvents.ToUnixMs(column.Started)), Math.Round(ExitEvents.ToUnixMs(column.Timestamp)),
                LatencyHistogram.LowerBound(cell.Bucket), LatencyHistogram.LowerBound(cell.Bucket + 1), cell.Count,
            ]),
        ]);

    /// <summary>Hypercalls: a row a number.</summary>
    /// <param name="calls">As of a frame.</param>
    public static ViewTable Hypercalls(IReadOnlyList<HypercallView> calls) => new(
        ["number", "name", "count", "argument0", "argument1", "argument2", "argument3", "result", "timed", "p50Ns", "p90Ns", "p99Ns", "maxNs"],
        [
            .. (calls ?? []).Select(call => (IReadOnlyList<object?>)
            [
                call.Number, call.Name, call.Count,
                call.LastArguments?[0], call.LastArguments?[1], call.LastArguments?[2], call.LastArguments?[3], call.LastResult,
                call.Times?.Count, call.Times?.P50Ns, call.Times?.P90Ns, call.Times?.P99Ns, call.Times?.MaxNs,
            ]),
        ]);
}
