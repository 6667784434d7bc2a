using Hyperpatch.Engine.Interception;

namespace Hyperpatch.Engine.Exits;

/// <summary>
/// The latest interceptions, each with its sequel, kept apart from the history: a busy guest overwrites that within seconds, and a patch
/// is to be told minutes later. Used under the journal's lock.
/// </summary>
/// <param name="capacity">How many are kept.</param>
/// <param name="processors">Number of processors.</param>
internal sealed class NotableExits(int capacity, int processors)
{
    private readonly NotableExit[] _ring = new NotableExit[capacity];

    // For each processor the number of the entry that waits for its sequel; 0: none.
    private readonly long[] _waiting = new long[processors];
    private long _count;

    /// <summary>Whether a record is one to keep.</summary>
    public static bool IsNotable(in ExitRecord record) => record.Outcome is not (InterceptionOutcome.None or InterceptionOutcome.Served);

    /// <summary>Looks at a numbered record. In the order of the history.</summary>
    public void Take(in ExitRecord record)
    {
        ref long waiting = ref _waiting[record.Processor];
        bool isNotable = IsNotable(record);
        if (waiting == 0 && !isNotable)
        {
            return;
        }

        // Steps and breakpoints are the host's doing: the guest has not gone on by them.
        if (waiting != 0 && record.Reason is not (ExitReason.Debug or ExitReason.Breakpoint or ExitReason.Interrupted))
        {
            if (waiting > _count - _ring.Length)
            {
                ref NotableExit entry = ref At(waiting);
                entry.Next = record;
                entry.HasNext = true;
            }

            waiting = 0;
        }

        if (isNotable)
        {
            waiting = ++_count;
            At(waiting) = new NotableExit { Exit = record };
        }
    }

    /// <summary>What a processor does from here on is no sequel of what it did before.</summary>
    /// <param name="processor">Its index.</param>
    public void Cut(int processor)
    {
        ref long waiting = ref _waiting[processor];
        if (waiting > Math.Max(0, _count - _ring.Length))
        {
            At(waiting).IsCut = true;
        }

        waiting = 0;
    }

    /// <summary>Finds one, and the numbers of its neighbours.</summary>
    /// <param name="sequence">Its number in the machine's history; null: the latest.</param>
    /// <param name="previous">The one before (also where there is none of that number), or null.</param>
    /// <param name="following">The one behind, or null.</param>
    public NotableExit? Find(long? sequence, out long? previous, out long? following)
    {
        long low = Math.Max(1, _count - _ring.Length + 1);
        long first = low;
        long high = _count + 1;
        while (low < high)
        {
            long middle = low + ((high - low) / 2);
            if (sequence is { } wanted && At(middle).Exit.Sequence >= wanted)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        // The first that is not older than the one wanted; for the latest, one back.
        long at = sequence is null ? Math.Max(first, _count) : low;
        bool isThere = at <= _count && (sequence is null || At(at).Exit.Sequence == sequence);
        previous = at > first ? At(at - 1).Exit.Sequence : null;
        long behind = isThere ? at + 1 : at;
        following = behind <= _count ? At(behind).Exit.Sequence : null;
        return isThere ? At(at) : null;
    }

    private ref NotableExit At(long number) => ref _ring[(number - 1) % _ring.Length];
}
