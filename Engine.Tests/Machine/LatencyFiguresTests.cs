using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Hypercalls;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Tests.Support;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>Percentiles as frames and the API tell them.</summary>
public sealed class LatencyFiguresTests
{
    [Fact]
    public void Nothing_has_no_figures()
    {
        Assert.Null(LatencyFigures.Of(new long[LatencyHistogram.BucketCount], 0));
        Assert.Null(LatencyView.Of("Mmio", new long[LatencyHistogram.BucketCount], 0));
        Assert.Null(new CallTimes().Of(5));
    }

    [Fact]
    public void No_percentile_is_longer_than_the_longest()
    {
        Random random = Seed.NewRandom();
        for (int round = 0; round < 500; round++)
        {
            long[] counts = new long[LatencyHistogram.BucketCount];
            uint longest = 0;
            int size = random.Next(1, 200);
            for (int i = 0; i < size; i++)
            {
                uint one = (uint)random.Next(1, 1 << random.Next(1, 30));
                longest = Math.Max(longest, one);
                counts[LatencyHistogram.Bucket(one)]++;
            }

            LatencyFigures figures = LatencyFigures.Of(counts, longest)!;
            Assert.Equal((size, longest), (figures.Count, (uint)figures.MaxNs));
            Assert.True(figures.P50Ns <= figures.P90Ns && figures.P90Ns <= figures.P99Ns && figures.P99Ns <= figures.MaxNs, figures.ToString());
            // The longest was not seen: then it is what the bucket says, and never 0.
            double guessed = LatencyFigures.Of(counts, 0)!.MaxNs;
            Assert.InRange(guessed, longest * (1 - LatencyHistogram.ErrorBound), longest);
        }
    }

    [Fact]
    public void Calls_are_timed_by_number_and_those_without_a_name_together()
    {
        CallTimes times = new();
        foreach ((ulong number, uint nanoseconds) in new (ulong, uint)[] { (5, 10), (5, 12), (5, 800_001), (11, 3), (13, 7), (ulong.MaxValue, 9) })
        {
            times.Add(number, nanoseconds);
        }

        Assert.Equal(new LatencyFigures(3, 12, 800_001, 800_001, 800_001), times.Of(5)! with { P90Ns = 800_001, P99Ns = 800_001 });
        Assert.InRange(times.Of(5)!.P99Ns, 800_001 * (1 - LatencyHistogram.ErrorBound), 800_001);
        Assert.Equal(new LatencyFigures(1, 3, 3, 3, 3), times.Of(11));
        Assert.Equal(new LatencyFigures(2, 7, 9, 9, 9), times.Of(HypercallNumber.TableSize));
        Assert.Null(times.Of(1));
    }

    [Fact]
    public void Adding_allocates_nothing()
    {
        CallTimes times = new();
        times.Add(1, 1);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (uint i = 0; i < 10_000; i++)
        {
            times.Add(i % 20, i * 7919);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
