using System.Diagnostics;

namespace Hyperpatch.Engine.Exits;

/// <summary>
/// Exits a second by reason over the last hour: each second of the last ten minutes, and before that every five seconds. Its size is
/// fixed. The pump takes it from the journal's counters; processors' threads know nothing of it.
/// </summary>
public sealed class RateHistory
{
    /// <summary>Seconds between two samples of the latest part.</summary>
    public const int FineStep = 1;

    /// <summary>Samples in the latest part.</summary>
    public const int FineCapacity = 600;

    /// <summary>Seconds between two samples of the older part.</summary>
    public const int CoarseStep = 5;

    /// <summary>Samples in the older part: an hour of them.</summary>
    public const int CoarseCapacity = 720;

    private readonly Lock _lock = new();
    private readonly Tier _fine = new(FineStep * Stopwatch.Frequency, FineCapacity);
    private readonly Tier _coarse = new(CoarseStep * Stopwatch.Frequency, CoarseCapacity);

    /// <summary>Takes a sample where one is due. One thread at a time.</summary>
    /// <param name="now">Ticks of <see cref="Stopwatch"/>.</param>
    /// <param name="journal">The machine's journal.</param>
    /// <param name="vendor">Index of the vendor in <see cref="Vendors.CpuVendor.All"/>.</param>
    public void Take(long now, ExitJournal journal, int vendor)
    {
        ArgumentNullException.ThrowIfNull(journal);
        if (!_fine.IsDue(now) && !_coarse.IsDue(now))
        {
            return;
        }

        Span<long> totals = stackalloc long[ExitReasons.Count];
        for (int reason = 0; reason < totals.Length; reason++)
        {
            totals[reason] = journal.CountOf((ExitReason)reason);
        }

        lock (_lock)
        {
            _fine.Take(now, totals, vendor);
            _coarse.Take(now, totals, vendor);
        }
    }

    /// <summary>All samples, oldest first: the older part up to where the latest begins, then that. Any thread.</summary>
    public IReadOnlyList<RateSample> Read()
    {
        List<RateSample> samples = [];
        lock (_lock)
        {
            _coarse.Read(samples, _fine.Oldest ?? long.MaxValue);
            _fine.Read(samples, long.MaxValue);
        }

        return samples;
    }

    private sealed class Tier(long step, int capacity)
    {
        private readonly long[] _at = new long[capacity];
        private readonly byte[] _vendors = new byte[capacity];
        private readonly float[] _rates = new float[capacity * ExitReasons.Count];
        private readonly long[] _totals = new long[ExitReasons.Count];
        private long? _last;
        private long _count;

        public long? Oldest => _count == 0 ? null : _at[Math.Max(0, _count - capacity) % capacity];

        public bool IsDue(long now) => _last is not { } last || now - last >= step;

        public void Take(long now, ReadOnlySpan<long> totals, int vendor)
        {
            if (!IsDue(now))
            {
                return;
            }

            if (_last is { } last)
            {
                double seconds = (now - last) / (double)Stopwatch.Frequency;
                int slot = (int)(_count++ % capacity);
                _at[slot] = now;
                _vendors[slot] = (byte)vendor;
                for (int reason = 0; reason < totals.Length; reason++)
                {
                    _rates[(slot * ExitReasons.Count) + reason] = (float)((totals[reason] - _totals[reason]) / seconds);
                }
            }

            _last = now;
            totals.CopyTo(_totals);
        }

        public void Read(List<RateSample> samples, long before)
        {
            for (long i = Math.Max(0, _count - capacity); i < _count; i++)
            {
                int slot = (int)(i % capacity);
                if (_at[slot] < before)
                {
                    samples.Add(new RateSample(_at[slot], _vendors[slot], _rates.AsSpan(slot * ExitReasons.Count, ExitReasons.Count).ToArray()));
                }
            }
        }
    }
}
