using System.Diagnostics;

namespace Hyperpatch.Engine.Exits;

/// <summary>
/// Handling times over the last hour, by reason and bucket: each second of the last ten minutes, and every five seconds for an hour. The
/// pump takes it from the journal's histograms and from the records that it reads anyhow; processors' threads know nothing of it. Only
/// buckets that gained something are kept, so it is small as a rule, and it has a bound.
/// </summary>
public sealed class LatencyHistory
{
    /// <summary>Seconds between two columns of the fine part.</summary>
    public const int FineStep = RateHistory.FineStep;

    /// <summary>Columns in the fine part: ten minutes.</summary>
    public const int FineCapacity = RateHistory.FineCapacity;

    /// <summary>Seconds between two columns of the coarse part.</summary>
    public const int CoarseStep = RateHistory.CoarseStep;

    /// <summary>Columns in the coarse part: an hour.</summary>
    public const int CoarseCapacity = RateHistory.CoarseCapacity;

    /// <summary>
    /// Cells (8 bytes each) that each part keeps at most: 2 MiB. That is some 360 a column for an hour; where handling times are spread
    /// over more than that, the oldest columns go earlier.
    /// </summary>
    public const int MostCells = 1 << 18;

    /// <summary>The longest time that it can tell of.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(CoarseStep * CoarseCapacity);

    private readonly Lock _lock = new();
    private readonly LatencyTier _fine;
    private readonly LatencyTier _coarse;
    private readonly long[] _totals = new long[ExitReasons.Count * LatencyHistogram.BucketCount];
    private readonly uint[] _longest = new uint[ExitReasons.Count];

    /// <summary>Makes an empty history.</summary>
    public LatencyHistory()
        : this(MostCells)
    {
    }

    /// <summary>Makes one with another bound.</summary>
    /// <param name="mostCells">Cells of each part at most: a power of two, room for one column that has all buckets of all reasons.</param>
    internal LatencyHistory(int mostCells)
    {
        _fine = new LatencyTier(FineStep * Stopwatch.Frequency, FineCapacity, mostCells);
        _coarse = new LatencyTier(CoarseStep * Stopwatch.Frequency, CoarseCapacity, mostCells);
    }

    /// <summary>Takes note of one exit's handling time: the histograms alone do not know the longest to the nanosecond. The pump's thread only; allocates nothing.</summary>
    /// <param name="reason">The exit's reason.</param>
    /// <param name="nanoseconds">How long it was handled.</param>
    public void See(ExitReason reason, uint nanoseconds)
    {
        if (!reason.IsTold())
        {
            return;
        }

        int index = (int)reason;
        if (nanoseconds > _longest[index])
        {
            Volatile.Write(ref _longest[index], nanoseconds);
        }

        _fine.See(index, nanoseconds);
        _coarse.See(index, nanoseconds);
    }

    /// <summary>Takes a column where one is due. The pump's thread only; allocates only while it grows towards its bound.</summary>
    /// <param name="now">Ticks of <see cref="Stopwatch"/>.</param>
    /// <param name="journal">The machine's journal.</param>
    public void Take(long now, ExitJournal journal)
    {
        ArgumentNullException.ThrowIfNull(journal);
        if (!_fine.IsDue(now) && !_coarse.IsDue(now))
        {
            return;
        }

        Array.Clear(_totals);
        for (int reason = 0; reason < ExitReasons.Count; reason++)
        {
            if (((ExitReason)reason).IsTold())
            {
                journal.AddLatencyTo((ExitReason)reason, _totals.AsSpan(reason * LatencyHistogram.BucketCount, LatencyHistogram.BucketCount));
            }
        }

        lock (_lock)
        {
            _fine.Take(now, _totals);
            _coarse.Take(now, _totals);
        }
    }

    /// <summary>The longest handling time of a reason so far that the pump has seen, in nanoseconds. Any thread.</summary>
    /// <param name="reason">The reason.</param>
    public uint LongestOf(ExitReason reason) => Volatile.Read(ref _longest[(int)reason]);

    /// <summary>
    /// Columns that end after a moment, oldest first. They are a second wide where the span is at most ten minutes, else five. Any thread.
    /// </summary>
    /// <param name="span">The time that is looked at: which part is read.</param>
    /// <param name="after">Ticks of <see cref="Stopwatch"/>; 0 for all that the part has.</param>
    /// <param name="reason">Only this reason, or null for the sum of all.</param>
    public IReadOnlyList<LatencyColumn> Read(TimeSpan span, long after = 0, ExitReason? reason = null)
    {
        List<LatencyColumn> columns = [];
        lock (_lock)
        {
            PartOf(span).Read(columns, after, reason);
        }

        return columns;
    }

    /// <summary>Adds up what the columns that end after a moment gained. Any thread.</summary>
    /// <param name="span">The time that is looked at: which part is read.</param>
    /// <param name="after">Ticks of <see cref="Stopwatch"/>.</param>
    /// <param name="counts">By reason and bucket: <see cref="ExitReasons.Count"/> times <see cref="LatencyHistogram.BucketCount"/>.</param>
    /// <param name="longest">By reason: the longest, in nanoseconds.</param>
    public void Sum(TimeSpan span, long after, Span<long> counts, Span<uint> longest)
    {
        lock (_lock)
        {
            PartOf(span).Sum(after, counts, longest);
        }
    }

    private LatencyTier PartOf(TimeSpan span) => span <= TimeSpan.FromSeconds(FineStep * FineCapacity) ? _fine : _coarse;
}
