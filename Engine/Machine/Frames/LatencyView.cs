using Hyperpatch.Engine.Exits;

namespace Hyperpatch.Engine.Machine.Frames;

/// <summary>Handling times of the exits of one reason: percentiles and histogram.</summary>
/// <param name="Reason">The exits' reason, or <see cref="All"/> for the sum of all.</param>
/// <param name="Times">Percentiles.</param>
/// <param name="Buckets">The histogram's buckets that hold something, the shortest first.</param>
public sealed record LatencyView(string Reason, LatencyFigures Times, IReadOnlyList<LatencyBucket> Buckets)
{
    /// <summary>Name of the sum of all reasons.</summary>
    public const string All = "all";

    /// <summary>Makes the view out of counts by bucket.</summary>
    /// <param name="reason">The exits' reason.</param>
    /// <param name="counts">Counts by bucket.</param>
    /// <param name="longest">The longest that was seen, in nanoseconds.</param>
    /// <returns>Null when the histogram is empty.</returns>
    public static LatencyView? Of(string reason, ReadOnlySpan<long> counts, uint longest)
    {
        if (LatencyFigures.Of(counts, longest) is not { } times)
        {
            return null;
        }

        List<LatencyBucket> buckets = [];
        for (int i = 0; i < counts.Length; i++)
        {
            if (counts[i] > 0)
            {
                buckets.Add(new LatencyBucket(i, LatencyHistogram.LowerBound(i), LatencyHistogram.LowerBound(i + 1), counts[i]));
            }
        }

        return new LatencyView(reason, times, buckets);
    }
}
