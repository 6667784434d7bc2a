namespace Hyperpatch.Engine.Exits;

/// <summary>One part of a <see cref="LatencyHistory"/>: columns of one step in a ring, their cells in another that grows up to a bound.</summary>
/// <param name="step">Ticks between two columns.</param>
/// <param name="capacity">Columns kept.</param>
/// <param name="mostCells">Cells kept at most, a power of two.</param>
internal sealed class LatencyTier(long step, int capacity, int mostCells)
{
    private const int FirstCells = 4096;
    private readonly Column[] _columns = new Column[capacity];
    private readonly uint[] _longest = new uint[capacity * ExitReasons.Count];
    private readonly uint[] _seen = new uint[ExitReasons.Count];
    private readonly long[] _totals = new long[ExitReasons.Count * LatencyHistogram.BucketCount];
    private readonly long[] _sum = new long[LatencyHistogram.BucketCount];
    private Cell[] _cells = new Cell[Math.Min(FirstCells, mostCells)];
    private long? _last;
    private long _count;
    private long _head;

    // A column whose cells have been overwritten, wholly or in part, is gone.
    private long Oldest
    {
        get
        {
            long oldest = Math.Max(0, _count - capacity);
            while (oldest < _count && _columns[oldest % capacity].First < _head - _cells.Length)
            {
                oldest++;
            }

            return oldest;
        }
    }

    public bool IsDue(long now) => _last is not { } last || now - last >= step;

    public void See(int reason, uint nanoseconds)
    {
        if (nanoseconds > _seen[reason])
        {
            _seen[reason] = nanoseconds;
        }
    }

    public void Take(long now, ReadOnlySpan<long> totals)
    {
        if (!IsDue(now))
        {
            return;
        }

        // Before the first column there is nothing to compare with: what happened until then counts in it.
        if (_last is { } last)
        {
            Push(last, now, totals);
            totals.CopyTo(_totals);
        }

        _last = now;
    }

    public void Read(List<LatencyColumn> columns, long after, ExitReason? reason)
    {
        for (long i = Oldest; i < _count; i++)
        {
            ref Column column = ref _columns[i % capacity];
            if (column.End > after)
            {
                columns.Add(new LatencyColumn(column.Start, column.End, Longest(i, reason), Cells(column, reason)));
            }
        }
    }

    public void Sum(long after, Span<long> counts, Span<uint> longest)
    {
        for (long i = Oldest; i < _count; i++)
        {
            ref Column column = ref _columns[i % capacity];
            if (column.End <= after)
            {
                continue;
            }

            for (int at = 0; at < column.Count; at++)
            {
                ref Cell cell = ref CellAt(column.First + at);
                counts[(cell.Reason * LatencyHistogram.BucketCount) + cell.Bucket] += cell.Count;
            }

            for (int reason = 0; reason < ExitReasons.Count; reason++)
            {
                longest[reason] = Math.Max(longest[reason], _longest[Slot(i) + reason]);
            }
        }
    }

    private uint Longest(long column, ExitReason? reason)
    {
        ReadOnlySpan<uint> all = _longest.AsSpan(Slot(column), ExitReasons.Count);
        if (reason is { } one)
        {
            return all[(int)one];
        }

        uint longest = 0;
        foreach (uint nanoseconds in all)
        {
            longest = Math.Max(longest, nanoseconds);
        }

        return longest;
    }

    private int Slot(long column) => (int)(column % capacity) * ExitReasons.Count;

    private ref Cell CellAt(long position) => ref _cells[position & (_cells.Length - 1)];

    private void Push(long start, long end, ReadOnlySpan<long> totals)
    {
        long first = _head;
        Span<uint> longest = _longest.AsSpan(Slot(_count), ExitReasons.Count);
        for (int reason = 0; reason < ExitReasons.Count; reason++)
        {
            int offset = reason * LatencyHistogram.BucketCount;
            uint shortest = 0;
            int highest = -1;
            for (int bucket = 0; bucket < LatencyHistogram.BucketCount; bucket++)
            {
                long gained = totals[offset + bucket] - _totals[offset + bucket];
                if (gained > 0)
                {
                    Add(new Cell((byte)reason, (byte)bucket, (uint)Math.Min(gained, uint.MaxValue)));
                    shortest = (uint)LatencyHistogram.LowerBound(bucket);
                    highest = bucket;
                }
            }

            uint seen = _seen[reason];
            if (seen > 0 && LatencyHistogram.Bucket(seen) > highest)
            {
                // The column before counts it: it was recorded after the pump had read the journal for that one. Whether another of this column was
                // nearly as long is not known any more, but for its bucket.
                Correct(reason, seen);
                seen = 0;
            }

            // The longest may be one that the journal lost before the pump saw it: then its bucket is all that is known.
            longest[reason] = Math.Max(seen, shortest);
        }

        Array.Clear(_seen);
        _columns[_count % capacity] = new Column(start, end, first, (int)(_head - first));
        _count++;
    }

    private void Correct(int reason, uint seen)
    {
        if (_count > 0)
        {
            ref uint before = ref _longest[Slot(_count - 1) + reason];
            before = Math.Max(before, seen);
        }
    }

    private void Add(Cell cell)
    {
        // The oldest column's place is about to be taken: its cells need not stay.
        long kept = _count < capacity ? 0 : _columns[(_count + 1) % capacity].First;
        if (_cells.Length < mostCells && _head - kept >= _cells.Length)
        {
            Grow();
        }

        CellAt(_head++) = cell;
    }

    private void Grow()
    {
        Cell[] cells = new Cell[Math.Min(_cells.Length * 2, mostCells)];
        for (long i = Math.Max(0, _head - _cells.Length); i < _head; i++)
        {
            cells[i & (cells.Length - 1)] = CellAt(i);
        }

        _cells = cells;
    }

    private LatencyCell[] Cells(in Column column, ExitReason? reason)
    {
        Array.Clear(_sum);
        int filled = 0;
        for (int at = 0; at < column.Count; at++)
        {
            ref Cell cell = ref CellAt(column.First + at);
            if (reason is null || cell.Reason == (byte)reason)
            {
                filled += _sum[cell.Bucket] == 0 ? 1 : 0;
                _sum[cell.Bucket] += cell.Count;
            }
        }

        LatencyCell[] cells = new LatencyCell[filled];
        for (int bucket = 0, next = 0; bucket < _sum.Length; bucket++)
        {
            if (_sum[bucket] > 0)
            {
                cells[next++] = new LatencyCell(bucket, _sum[bucket]);
            }
        }

        return cells;
    }

    private readonly record struct Column(long Start, long End, long First, int Count);

    private readonly record struct Cell(byte Reason, byte Bucket, uint Count);
}
