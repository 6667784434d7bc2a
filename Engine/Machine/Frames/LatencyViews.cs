using System.Diagnostics;
using Hyperpatch.Engine.Exits;

namespace Hyperpatch.Engine.Machine.Frames;

/// <summary>Makes views of handling times. Not on a processor's thread.</summary>
public static class LatencyViews
{
    /// <summary>Handling times by reason since the machine was made: the reasons that occurred. Before them, where there are several, their sum.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="only">Only this reason, or null for all.</param>
    public static IReadOnlyList<LatencyView> SinceStart(VirtualMachine machine, ExitReason? only = null)
    {
        ArgumentNullException.ThrowIfNull(machine);
        long[] counts = new long[ExitReasons.Count * LatencyHistogram.BucketCount];
        uint[] longest = new uint[ExitReasons.Count];
        for (int reason = 0; reason < ExitReasons.Count; reason++)
        {
            longest[reason] = machine.Latency.LongestOf((ExitReason)reason);
            machine.Journal.AddLatencyTo((ExitReason)reason, counts.AsSpan(reason * LatencyHistogram.BucketCount, LatencyHistogram.BucketCount));
        }

        return Make(counts, longest, only);
    }

    /// <summary>The same over a time up to now, as far as the history goes back.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="span">The time, at most <see cref="LatencyHistory.Longest"/>.</param>
    /// <param name="only">Only this reason, or null for all.</param>
    public static IReadOnlyList<LatencyView> Lately(VirtualMachine machine, TimeSpan span, ExitReason? only = null)
    {
        ArgumentNullException.ThrowIfNull(machine);
        long[] counts = new long[ExitReasons.Count * LatencyHistogram.BucketCount];
        uint[] longest = new uint[ExitReasons.Count];
        machine.Latency.Sum(span, Begin(span), counts, longest);
        return Make(counts, longest, only);
    }

    /// <summary>When a time up to now began, in ticks of <see cref="Stopwatch"/>.</summary>
    /// <param name="span">The time.</param>
    public static long Begin(TimeSpan span) => Math.Max(0, Stopwatch.GetTimestamp() - (long)(span.TotalSeconds * Stopwatch.Frequency));

    private static List<LatencyView> Make(ReadOnlySpan<long> counts, ReadOnlySpan<uint> longest, ExitReason? only)
    {
        List<LatencyView> views = [];
        long[] sum = new long[LatencyHistogram.BucketCount];
        uint maximum = 0;
        for (int index = 0; index < ExitReasons.Count; index++)
        {
            ExitReason reason = (ExitReason)index;
            ReadOnlySpan<long> own = counts.Slice(index * LatencyHistogram.BucketCount, LatencyHistogram.BucketCount);
            if (!reason.IsTold() || (only is { } wanted && wanted != reason) || LatencyView.Of(reason.Name(), own, longest[index]) is not { } view)
            {
                continue;
            }

            views.Add(view);
            maximum = Math.Max(maximum, longest[index]);
            for (int bucket = 0; bucket < sum.Length; bucket++)
            {
                sum[bucket] += own[bucket];
            }
        }

        if (views.Count > 1 && LatencyView.Of(LatencyView.All, sum, maximum) is { } all)
        {
            views.Insert(0, all);
        }

        return views;
    }
}
