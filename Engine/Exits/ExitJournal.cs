using System.Collections.Immutable;
using System.Diagnostics;

namespace Hyperpatch.Engine.Exits;

/// <summary>
/// A machine's journal: the processors' rings, and a bounded history into which they are drained, each drain's records in the order of time: an exit
/// that was still being handled then comes with the next. Draining and reading take a lock that no processor's thread ever takes.
/// </summary>
public sealed class ExitJournal
{
    private const int Batch = 512;

    // Records looked at in one go: some ten microseconds.
    private const int Chunk = 4096;
    private readonly Lock _lock = new();
    private readonly ExitRecord[] _history;
    private readonly Cursor[] _cursors;
    private readonly NotableExits _notable;
    private readonly long _ringRecords;
    private long _last;
    private long _dropped;

    /// <summary>Makes a journal.</summary>
    /// <param name="processors">Number of processors.</param>
    /// <param name="ringCapacity">Records a processor, a power of two.</param>
    /// <param name="historyCapacity">Records kept for the machine.</param>
    public ExitJournal(int processors, int ringCapacity, int historyCapacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(processors, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(historyCapacity, 1);
        Processors = [.. Enumerable.Range(0, processors).Select(_ => new ProcessorJournal(ringCapacity))];
        _ringRecords = (long)processors * ringCapacity;
        _cursors = [.. Processors.Select((p, index) => new Cursor(p, index))];
        _history = new ExitRecord[historyCapacity];
        _notable = new NotableExits(NotableCapacity, processors);
    }

    /// <summary>Interceptions that are kept with their sequels, however fast the history goes round.</summary>
    public const int NotableCapacity = 512;

    /// <summary>Each processor's part.</summary>
    public ImmutableArray<ProcessorJournal> Processors { get; }

    /// <summary>Records that were overwritten before they reached the history. Counters are exact all the same.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Sequence number of the newest record in the history, 0 when there is none.</summary>
    public long LastSequence => Volatile.Read(ref _last);

    /// <summary>
    /// Takes what the processors wrote since the last time, and before this call, into the history. Processors that handle their
    /// exits one after the other, as in a deterministic machine, have them in that order there.
    /// </summary>
    public void Drain()
    {
        lock (_lock)
        {
            // What is newer waits: while one ring is looked at, an older record may come into another that was empty a moment ago.
            long end = Stopwatch.GetTimestamp();
            // At most what the rings hold: a guest that writes as fast as this reads cannot keep it here.
            long budget = _ringRecords;
            while (budget > 0 && TakeOldest(end) is int taken and > 0)
            {
                budget -= taken;
            }
        }
    }

    /// <summary>
    /// Reads from the history, oldest first, up to what was newest when it was called. A search that finds little looks through all of
    /// it, so it lets others in between: what they overwrite before it was looked at is gone, as it would have been a moment later.
    /// </summary>
    /// <param name="after">Records with greater sequence numbers.</param>
    /// <param name="destination">Receives them.</param>
    /// <param name="reason">Only this reason, or null.</param>
    /// <param name="processor">Only this processor, or null.</param>
    /// <returns>How many were copied.</returns>
    public int Read(long after, Span<ExitRecord> destination, ExitReason? reason = null, int? processor = null) =>
        Read(after, destination, new ExitFilter { Reason = reason, Processor = processor });

    /// <summary>As the other, with any filter.</summary>
    /// <param name="after">Records with greater sequence numbers.</param>
    /// <param name="destination">Receives them.</param>
    /// <param name="filter">Which are wanted.</param>
    /// <returns>How many were copied.</returns>
    public int Read(long after, Span<ExitRecord> destination, in ExitFilter filter)
    {
        long end = LastSequence;
        long position = Math.Max(0, after);
        bool isAll = filter.IsEmpty;
        int count = 0;
        while (position < end && count < destination.Length)
        {
            lock (_lock)
            {
                position = Math.Max(position, _last - _history.Length);
                long stop = Math.Min(end, position + Chunk);
                int place = (int)(position % _history.Length);
                while (position < stop && count < destination.Length)
                {
                    position++;
                    place = place + 1 == _history.Length ? 0 : place + 1;
                    ref ExitRecord record = ref _history[place];
                    if (isAll || filter.Matches(record))
                    {
                        destination[count++] = record;
                    }
                }
            }
        }

        return count;
    }

    /// <summary>Number of a record in the history, or null when it is not there (yet, or any more). Takes in first what was written since.</summary>
    /// <param name="processor">Its processor.</param>
    /// <param name="timestamp">Its time.</param>
    public long? Find(int processor, long timestamp)
    {
        Drain();
        lock (_lock)
        {
            // In the order of time, but for what several processors wrote at the same moment.
            long slack = Stopwatch.Frequency;
            for (long sequence = _last; sequence > Math.Max(0, _last - _history.Length); sequence--)
            {
                ref ExitRecord record = ref _history[sequence % _history.Length];
                if (record.Timestamp == timestamp && record.Processor == processor)
                {
                    return sequence;
                }

                // A processor's own records are in their order: behind an older one of its there is nothing to be found.
                if (record.Timestamp < (record.Processor == processor ? timestamp : timestamp - slack))
                {
                    return null;
                }
            }

            return null;
        }
    }

    /// <summary>One of the latest interceptions other than served hypercalls, with its sequel. Takes in first what was written since.</summary>
    /// <param name="sequence">Its number in the history; null: the latest.</param>
    /// <param name="previous">Number of the one before, or null. Also where there is none of the number asked for.</param>
    /// <param name="following">Number of the one behind, or null.</param>
    /// <returns>Null when there is none, or it is not kept any more.</returns>
    public NotableExit? FindNotable(long? sequence, out long? previous, out long? following)
    {
        Drain();
        lock (_lock)
        {
            return _notable.Find(sequence, out previous, out following);
        }
    }

    /// <summary>
    /// The processors begin anew (the guest is reset): what they do from here on is no sequel of an interception before. While no processor runs.
    /// </summary>
    public void EndSequels()
    {
        lock (_lock)
        {
            while (TakeOldest(long.MaxValue) > 0)
            {
            }

            foreach (Cursor cursor in _cursors)
            {
                _notable.Cut(cursor.Processor);
            }
        }
    }

    /// <summary>Sum over the processors.</summary>
    /// <param name="reason">The reason.</param>
    public long CountOf(ExitReason reason)
    {
        long sum = 0;
        foreach (ProcessorJournal processor in Processors)
        {
            sum += processor.CountOf(reason);
        }

        return sum;
    }

    /// <summary>Sum over the processors.</summary>
    /// <param name="outcome">The outcome.</param>
    public long CountOf(Interception.InterceptionOutcome outcome)
    {
        long sum = 0;
        foreach (ProcessorJournal processor in Processors)
        {
            sum += processor.CountOf(outcome);
        }

        return sum;
    }

    /// <summary>Adds the handling times of a reason, of all processors, to counts by bucket. Does not allocate.</summary>
    /// <param name="reason">The reason.</param>
    /// <param name="counts">Counts, <see cref="LatencyHistogram.BucketCount"/> of them.</param>
    public void AddLatencyTo(ExitReason reason, Span<long> counts)
    {
        foreach (ProcessorJournal processor in Processors)
        {
            processor.Latency(reason).AddTo(counts);
        }
    }

    /// <summary>All exits.</summary>
    public long Count
    {
        get
        {
            long sum = 0;
            foreach (ProcessorJournal processor in Processors)
            {
                sum += processor.Count;
            }

            return sum;
        }
    }

    // Merges by time: the processors' own order is kept, and each has at most one batch looked at ahead. Takes the oldest, and with it what
    // follows of the same processor before the next of any other. Returns how many.
    private int TakeOldest(long end)
    {
        Cursor? oldest = null;
        long limit = end;
        foreach (Cursor cursor in _cursors)
        {
            bool isThere = cursor.Fill(out long lost);
            if (lost != 0)
            {
                // What came right behind the latest interception may be among them.
                Volatile.Write(ref _dropped, _dropped + lost);
                _notable.Cut(cursor.Processor);
            }

            if (!isThere)
            {
                continue;
            }

            if (oldest is null || cursor.Current.Timestamp < oldest.Current.Timestamp)
            {
                limit = oldest is null ? limit : Math.Min(limit, oldest.Current.Timestamp);
                oldest = cursor;
            }
            else
            {
                limit = Math.Min(limit, cursor.Current.Timestamp);
            }
        }

        if (oldest is null || oldest.Current.Timestamp >= end)
        {
            return 0;
        }

        int taken = 0;
        long sequence = _last;
        int place = (int)(sequence % _history.Length);
        do
        {
            sequence++;
            place = place + 1 == _history.Length ? 0 : place + 1;
            ref ExitRecord slot = ref _history[place];
            slot = oldest.Current;
            slot.Sequence = sequence;
            _notable.Take(slot);
            oldest.Next();
            Volatile.Write(ref _last, sequence);
            taken++;
        }
        while (oldest.HasCurrent && oldest.Current.Timestamp < limit);
        return taken;
    }

    private sealed class Cursor(ProcessorJournal journal, int processor)
    {
        private readonly ExitRecord[] _batch = new ExitRecord[Batch];
        private long _position;
        private int _at;
        private int _count;

        public int Processor => processor;

        public ref ExitRecord Current => ref _batch[_at];

        public bool HasCurrent => _at < _count;

        public void Next() => _at++;

        public bool Fill(out long lost)
        {
            if (_at < _count)
            {
                lost = 0;
                return true;
            }

            _count = journal.Read(ref _position, _batch, out lost);
            _at = 0;
            return _count > 0;
        }
    }
}
