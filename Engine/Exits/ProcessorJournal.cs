using Hyperpatch.Engine.Hypercalls;

namespace Hyperpatch.Engine.Exits;

/// <summary>
/// One processor's part of the journal: exact counters, latency histograms, and a ring of records. Only the processor's thread
/// writes; it allocates nothing, takes no lock and never waits. A reader that falls behind by a whole ring loses records, and
/// knows how many.
/// </summary>
public sealed class ProcessorJournal
{
    private readonly ExitRecord[] _ring;
    private readonly int _mask;
    private readonly long[] _byReason = new long[ExitReasons.Count];
    private readonly long[] _byHypercall = new long[HypercallNumber.TableSize + 1];
    private readonly long[] _byOutcome = new long[(int)Interception.InterceptionOutcome.LoopGuard + 1];
    private readonly LatencyHistogram[] _latency = new LatencyHistogram[ExitReasons.Count];
    private long _head;

    /// <summary>Makes a journal.</summary>
    /// <param name="capacity">Records in the ring, a power of two.</param>
    public ProcessorJournal(int capacity)
    {
        if (capacity <= 0 || (capacity & (capacity - 1)) != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(capacity), capacity, "A ring's size is a power of two.");
        }

        _ring = new ExitRecord[capacity];
        _mask = capacity - 1;
        for (int i = 0; i < _latency.Length; i++)
        {
            _latency[i] = new LatencyHistogram();
        }
    }

    /// <summary>Records written so far: the number of all exits.</summary>
    public long Count => Volatile.Read(ref _head);

    /// <summary>Exits of one reason.</summary>
    /// <param name="reason">The reason.</param>
    public long CountOf(ExitReason reason) => Volatile.Read(ref _byReason[(int)reason]);

    /// <summary>Hypercalls of one number; numbers without a name count together at <see cref="HypercallNumber.TableSize"/>.</summary>
    /// <param name="index">0 to <see cref="HypercallNumber.TableSize"/>.</param>
    public long CountOfHypercall(int index) => Volatile.Read(ref _byHypercall[index]);

    /// <summary>Interceptions with one outcome.</summary>
    /// <param name="outcome">The outcome.</param>
    public long CountOf(Interception.InterceptionOutcome outcome) => Volatile.Read(ref _byOutcome[(int)outcome]);

    /// <summary>Handling times of one reason.</summary>
    /// <param name="reason">The reason.</param>
    public LatencyHistogram Latency(ExitReason reason) => _latency[(int)reason];

    /// <summary>The record that is written next, in its place in the ring, where no reader looks yet. The processor's thread only.</summary>
    internal ref ExitRecord Next => ref _ring[_head & _mask];

    /// <summary>Writes a record. The processor's thread only.</summary>
    /// <param name="record">The record; copied.</param>
    /// <param name="isCall">Whether a hypercall was served (counted by number), whatever exit it came by.</param>
    public void Record(in ExitRecord record, bool isCall)
    {
        Next = record;
        Publish(isCall);
    }

    /// <summary>Counts the record at <see cref="Next"/> and shows it to readers. The processor's thread only.</summary>
    /// <param name="isCall">Whether a hypercall was served (counted by number), whatever exit it came by.</param>
    internal void Publish(bool isCall)
    {
        long head = _head;
        ref ExitRecord record = ref _ring[head & _mask];
        Increment(ref _byReason[(int)record.Reason]);
        _latency[(int)record.Reason].Add(record.DurationNanoseconds);
        if (record.Outcome != Interception.InterceptionOutcome.None)
        {
            Increment(ref _byOutcome[(int)record.Outcome]);
        }

        if (isCall)
        {
            Increment(ref _byHypercall[record.Value0 < HypercallNumber.TableSize ? (int)record.Value0 : HypercallNumber.TableSize]);
        }

        // Published last: a reader that sees the new head sees the record.
        Volatile.Write(ref _head, head + 1);
    }

    /// <summary>Copies records out, oldest first.</summary>
    /// <param name="position">Next record wanted; moved behind what was copied or lost.</param>
    /// <param name="destination">Receives them.</param>
    /// <param name="lost">Records overwritten before they could be copied.</param>
    /// <returns>How many were copied.</returns>
    internal int Read(ref long position, Span<ExitRecord> destination, out long lost)
    {
        long head = Volatile.Read(ref _head);
        // The slot behind the head is being written: it counts as gone.
        long oldest = Math.Max(0, head - _mask);
        lost = Math.Max(0, oldest - position);
        position += lost;
        int count = (int)Math.Min(destination.Length, head - position);
        for (int i = 0; i < count; i++)
        {
            destination[i] = _ring[(position + i) & _mask];
        }

        // What the writer reached meanwhile may be torn: thrown away, and counted.
        Interlocked.MemoryBarrier();
        long overrun = Math.Min(count, Math.Max(0, Volatile.Read(ref _head) - _mask - position));
        if (overrun > 0)
        {
            destination[(int)overrun..count].CopyTo(destination);
            lost += overrun;
        }

        position += count;
        return count - (int)overrun;
    }

    private static void Increment(ref long counter) => Volatile.Write(ref counter, counter + 1);
}
