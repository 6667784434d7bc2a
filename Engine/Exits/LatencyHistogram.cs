using System.Numerics;

namespace Hyperpatch.Engine.Exits;

/// <summary>
/// Durations in log-linear buckets: each power of two is cut into eight of the same width, so a bucket is at most an eighth of its lower
/// bound wide. Up to 15 ns they are exact. Every duration that a record can hold has its bucket. Written by one thread, read by any.
/// </summary>
public sealed class LatencyHistogram
{
    /// <summary>Number of buckets: up to 2^32 ns, some 4.3 s.</summary>
    public const int BucketCount = 240;

    /// <summary>By how much a percentile may be off at most, as a share of the exact one (that of nearest rank).</summary>
    public const double ErrorBound = 1.0 / (1 << SubBits);

    private const int SubBits = 3;
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
    /// <param name="bucket">0 to <see cref="BucketCount"/>; the last is where the highest bucket ends.</param>
    public static double LowerBound(int bucket) => bucket < 1 << SubBits
        ? bucket
        : Math.ScaleB((1 << SubBits) + (bucket & ((1 << SubBits) - 1)), (bucket >> SubBits) - 1);

    /// <summary>
    /// The duration that a share of all does not exceed (nearest rank), in nanoseconds, off by at most <see cref="ErrorBound"/>; 0 when
    /// there are none.
    /// </summary>
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

        double rank = Math.Clamp(Math.Ceiling(share * total), 1, total);
        long seen = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            if (counts[i] > 0 && seen + counts[i] >= rank)
            {
                // Whole nanoseconds: the longest in a bucket is one below the next bucket's shortest.
                double low = LowerBound(i);
                double longest = LowerBound(i + 1) - 1;
                return low + ((longest - low) * ((rank - seen - 0.5) / counts[i]));
            }

            seen += counts[i];
        }

        return LowerBound(counts.Length) - 1;
    }

    /// <summary>The bucket of a duration.</summary>
    /// <param name="nanoseconds">The duration.</param>
    public static int Bucket(uint nanoseconds)
    {
        if (nanoseconds < 1 << SubBits)
        {
            return (int)nanoseconds;
        }

        int exponent = BitOperations.Log2(nanoseconds);
        int sub = (int)(nanoseconds >> (exponent - SubBits)) & ((1 << SubBits) - 1);
        return ((exponent - SubBits + 1) << SubBits) + sub;
    }
}
