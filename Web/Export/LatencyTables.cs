using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Machines.Views;

namespace Hyperpatch.Web.Export;

/// <summary>Handling times as plain tables. Times are in nanoseconds.</summary>
internal static class LatencyTables
{
    /// <summary>Percentiles: a row a reason.</summary>
    /// <param name="views">As of <see cref="LatencyViews"/>.</param>
    public static ExportTable Percentiles(IReadOnlyList<LatencyView> views) => new(
        ["reason", "count", "p50Ns", "p90Ns", "p99Ns", "maxNs"],
        views.Select(view => (object?[])[view.Reason, view.Times.Count, view.Times.P50Ns, view.Times.P90Ns, view.Times.P99Ns, view.Times.MaxNs]));

    /// <summary>Histograms: a row a bucket of a reason.</summary>
    /// <param name="views">As of <see cref="LatencyViews"/>.</param>
    public static ExportTable Histograms(IReadOnlyList<LatencyView> views) => new(
        ["reason", "fromNs", "toNs", "count"],
        views.SelectMany(view => view.Buckets, (view, bucket) => (object?[])[view.Reason, bucket.FromNs, bucket.ToNs, bucket.Count]));

    /// <summary>The heat map: a row a bucket of a column.</summary>
    /// <param name="columns">As of <see cref="LatencyHistory.Read"/>.</param>
    public static ExportTable HeatMap(IReadOnlyList<LatencyColumn> columns) => new(
        ["from", "to", "fromNs", "toNs", "count"],
        columns.SelectMany(column => column.Cells, (column, cell) => (object?[])
        [
            Moments.Of(column.Started), Moments.Of(column.Timestamp),
            LatencyHistogram.LowerBound(cell.Bucket), LatencyHistogram.LowerBound(cell.Bucket + 1), cell.Count,
        ]));

    /// <summary>Hypercalls: a row a number.</summary>
    /// <param name="calls">As of a frame.</param>
    public static ExportTable Hypercalls(IReadOnlyList<HypercallView> calls) => new(
        ["number", "name", "count", "argument0", "argument1", "argument2", "argument3", "result", "timed", "p50Ns", "p90Ns", "p99Ns", "maxNs"],
        calls.Select(call => (object?[])
        [
            call.Number, call.Name, call.Count, Argument(call, 0), Argument(call, 1), Argument(call, 2), Argument(call, 3), call.LastResult,
            call.Times?.Count, call.Times?.P50Ns, call.Times?.P90Ns, call.Times?.P99Ns, call.Times?.MaxNs,
        ]));

    private static string? Argument(HypercallView call, int index) => call.LastArguments is { } all && index < all.Count ? all[index] : null;
}
