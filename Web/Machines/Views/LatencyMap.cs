using Hyperpatch.Engine.Exits;

namespace Hyperpatch.Web.Machines.Views;

/// <summary>A heat map of handling times: time across, buckets up, how many exits in each.</summary>
/// <param name="Range">The time that it is about: 1m, 5m, 15m or 1h up to now.</param>
/// <param name="Reason">The exits' reason, or null for all.</param>
/// <param name="Columns">Columns, oldest first.</param>
public sealed record LatencyMap(string Range, string? Reason, IReadOnlyList<LatencyMapColumn> Columns)
{
    private static readonly double[] s_bounds = [.. Enumerable.Range(0, LatencyHistogram.BucketCount + 1).Select(LatencyHistogram.LowerBound)];

    /// <summary>Lower bound of every bucket in nanoseconds, and last where the highest ends.</summary>
    public IReadOnlyList<double> BoundsNs => s_bounds;
}
