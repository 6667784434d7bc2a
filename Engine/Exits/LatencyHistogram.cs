using System.Numerics;

namespace Hyperpatch.Engine.Exits;

/// <summary>
/// Durations in buckets that grow by a quarter of a power of two, so that a percentile is off by less than 20 %. Written by one
/// thread, read by any.
/// </summary>
public sealed class LatencyHistogram
{
    /// <summary>Number of buckets: up to about 4 s.</summary>
    public const int BucketCount = 124;

    private const int SubBits = 2;
    private readonly long[] _buckets = new long[BucketCount];

    /// <summary>Adds one duration.</summary>
    /// <param name="nanoseconds">The duration.</param>
    public void Add(uint nanoseconds)
    {
        ref long bucket = ref _buckets[Bucket(nanoseconds)];
        Volatile.Write(ref bucket, bucket + 1);
    }

    /// <summary>Adds this histogram's counts to a table of <see cref="BucketCount"/>.</summary>
    /// <param name="counts">The table.</param>
    public void AddTo(Span<long> counts)
    {
        for (int i = 0; i < _buckets.Length; i++)
        {
            counts[i] += Volatile.Read(ref _buckets[i]);
        }
    }

    /// <summary>Lowest duration of a bucket in nanoseconds.</summary>
    /// <param name="bucket">0 to <see cref="BucketCount"/> - 1.</param>
    public static double LowerBound(int bucket) => bucket < 1 << SubBits
        ? bucket
        : Math.ScaleB((1 << SubBits) + (bucket & ((1 << SubBits) - 1)), (bucket >> SubBits) - 1);

    /// <summary>The duration below which a share of all lies, in nanoseconds; 0 when there are none.</summary>
    /// <param name="counts">Counts by bucket.</param>
    /// <param name="share">0 to 1.</param>
    public static double Percentile(ReadOnlySpan<long> counts, double share)
    {
        long total = 0;
        foreach (long count in counts)
        {
            total += count;
        }

        if (total == 0)
        {
            return 0;
        }

        double rank = share * total;
        long seen = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            if (seen + counts[i] >= rank && counts[i] > 0)
            {
                double low = LowerBound(i);
                double high = LowerBound(i + 1);
                return low + ((high - low) * Math.Clamp((rank - seen) / counts[i], 0, 1));
            }

            seen += counts[i];
        }

        return LowerBound(counts.Length - 1);
    }

    private static int Bucket(uint value)
    {
        if (value < 1 << SubBits)
        {
            return (int)value;
        }

        int exponent = BitOperations.Log2(value);
        int sub = (int)(value >> (exponent - SubBits)) & ((1 << SubBits) - 1);
        return Math.Min(((exponent - SubBits + 1) << SubBits) + sub, BucketCount - 1);
    }
}
