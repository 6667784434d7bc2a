using Hyperpatch.Engine.Exits;

namespace Hyperpatch.Engine.Tests.Exits;

public sealed class LatencyHistogramTests
{
    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(3u)]
    [InlineData(4u)]
    [InlineData(7u)]
    [InlineData(100u)]
    [InlineData(1_000u)]
    [InlineData(6_543u)]
    [InlineData(1_000_000u)]
    [InlineData(uint.MaxValue)]
    public void Durations_fall_between_their_buckets_bounds(uint value)
    {
        LatencyHistogram histogram = new();
        histogram.Add(value);
        long[] counts = new long[LatencyHistogram.BucketCount];
        histogram.AddTo(counts);
        int bucket = Assert.Single(Enumerable.Range(0, counts.Length), i => counts[i] == 1);
        Assert.True(LatencyHistogram.LowerBound(bucket) <= value);
        Assert.True(bucket == counts.Length - 1 || value < LatencyHistogram.LowerBound(bucket + 1));
        double median = LatencyHistogram.Percentile(counts, 0.5);
        Assert.InRange(median, value * 0.8, (value * 1.25) + 1);
    }

    [Fact]
    public void Bounds_grow() => Assert.All(
        Enumerable.Range(1, LatencyHistogram.BucketCount - 1),
        i => Assert.True(LatencyHistogram.LowerBound(i) > LatencyHistogram.LowerBound(i - 1)));

    [Fact]
    public void Percentiles_split_the_durations()
    {
        LatencyHistogram histogram = new();
        for (uint i = 1; i <= 10_000; i++)
        {
            histogram.Add(i);
        }

        long[] counts = new long[LatencyHistogram.BucketCount];
        histogram.AddTo(counts);
        Assert.Equal(10_000, counts.Sum());
        foreach (double share in (double[])[0.1, 0.5, 0.9, 0.99])
        {
            Assert.InRange(LatencyHistogram.Percentile(counts, share), share * 10_000 * 0.8, share * 10_000 * 1.2);
        }
    }

    [Fact]
    public void Nothing_has_no_percentile() => Assert.Equal(0, LatencyHistogram.Percentile(new long[LatencyHistogram.BucketCount], 0.5));
}
