using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Tests.Support;

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
        Assert.True(value < LatencyHistogram.LowerBound(bucket + 1));
        Assert.Equal(bucket, LatencyHistogram.Bucket(value));
        Assert.InRange(LatencyHistogram.Percentile(counts, 0.5), value * (1 - LatencyHistogram.ErrorBound), value * (1 + LatencyHistogram.ErrorBound));
    }

    [Fact]
    public void Bounds_grow() => Assert.All(
        Enumerable.Range(1, LatencyHistogram.BucketCount),
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
            Assert.InRange(LatencyHistogram.Percentile(counts, share), share * 10_000 * 0.875, share * 10_000 * 1.125);
        }
    }

    // Each as a recipe for one duration in nanoseconds.
    public static TheoryData<string> Shapes => ["uniform", "tiny", "log-uniform", "two peaks", "one value", "one outlier", "longest"];

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Percentiles_are_off_by_no_more_than_the_bound(string shape)
    {
        Random random = Seed.NewRandom();
        for (int round = 0; round < 200; round++)
        {
            int size = random.Next(1, 3000);
            uint[] exact = [.. Enumerable.Range(0, size).Select(index => Make(random, shape, index, size))];
            LatencyHistogram histogram = new();
            foreach (uint one in exact)
            {
                histogram.Add(one);
            }

            Array.Sort(exact);
            long[] counts = new long[LatencyHistogram.BucketCount];
            histogram.AddTo(counts);
            foreach (double share in (double[])[0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1])
            {
                double nearestRank = exact[(int)Math.Max(1, Math.Ceiling(share * size)) - 1];
                double told = LatencyHistogram.Percentile(counts, share);
                Assert.True(
                    Math.Abs(told - nearestRank) <= nearestRank * LatencyHistogram.ErrorBound,
                    $"{shape}, round {round}, {size} durations: the {share} percentile is {nearestRank}, told is {told}");
            }
        }
    }

    [Fact]
    public void A_bucket_is_no_wider_than_the_bound_says() => Assert.All(
        Enumerable.Range(8, LatencyHistogram.BucketCount - 8),
        i => Assert.True(LatencyHistogram.LowerBound(i + 1) - LatencyHistogram.LowerBound(i) <= LatencyHistogram.LowerBound(i) * LatencyHistogram.ErrorBound));

    [Fact]
    public void Nothing_has_no_percentile() => Assert.Equal(0, LatencyHistogram.Percentile(new long[LatencyHistogram.BucketCount], 0.5));

    private static uint Make(Random random, string shape, int index, int size) => shape switch
    {
        "uniform" => (uint)random.Next(0, 5_000_000),
        "tiny" => (uint)random.Next(0, 40),
        "log-uniform" => (uint)Math.Pow(2, random.NextDouble() * 31.99),
        "two peaks" => (uint)(random.Next(10) < 9 ? random.Next(1000, 1500) : random.Next(90_000, 400_000)),
        "one value" => 777_777,
        "one outlier" => index == size / 2 ? 3_000_000_000 : (uint)random.Next(2000, 2100),
        _ => uint.MaxValue - (uint)random.Next(0, 3),
    };
}
