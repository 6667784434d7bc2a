using Hyperpatch.Engine.Exits;

namespace Hyperpatch.Engine.Machine.Frames;

/// <summary>
/// Handling times in nanoseconds. Percentiles are off by at most <see cref="LatencyHistogram.ErrorBound"/> (an eighth) of the exact ones.
/// The longest is exact, unless that exit was overwritten in the journal before the pump saw it: then it is off by at most an eighth, too.
/// </summary>
/// <param name="Count">How many times these are of.</param>
/// <param name="P50Ns">Half of them took no longer.</param>
/// <param name="P90Ns">90 %.</param>
/// <param name="P99Ns">99 %.</param>
/// <param name="MaxNs">The longest.</param>
public sealed record LatencyFigures(long Count, double P50Ns, double P90Ns, double P99Ns, double MaxNs)
{
    /// <summary>Makes them out of a histogram.</summary>
    /// <param name="counts">Counts by bucket.</param>
    /// <param name="longest">The longest that was seen, in nanoseconds; never taken for shorter than its bucket.</param>
    /// <returns>Null when the histogram is empty.</returns>
    public static LatencyFigures? Of(ReadOnlySpan<long> counts, uint longest)
    {
        long total = 0;
        int highest = 0;
        for (int bucket = 0; bucket < counts.Length; bucket++)
        {
            total += counts[bucket];
            highest = counts[bucket] > 0 ? bucket : highest;
        }

        if (total == 0)
        {
            return null;
        }

        double maximum = Math.Max(longest, LatencyHistogram.LowerBound(highest));
        return new LatencyFigures(total, At(counts, 0.5, maximum), At(counts, 0.9, maximum), At(counts, 0.99, maximum), maximum);
    }

    // Nothing took longer than the longest, whatever the histogram says.
    private static double At(ReadOnlySpan<long> counts, double share, double maximum) =>
        Math.Min(Math.Round(LatencyHistogram.Percentile(counts, share)), maximum);
}
