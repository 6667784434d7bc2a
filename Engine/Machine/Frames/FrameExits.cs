using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;

namespace Hyperpatch.Engine.Machine.Frames;

/// <summary>
/// Chooses which exits a frame carries, out of thousands: the latest; and before them patches, and some of the refusals (an injected #UD and the
/// like), which are what people wait for. Taken in their order.
/// </summary>
/// <param name="last">Number of the newest record that will be taken. Long before it, only what comes first in the choice is kept.</param>
internal sealed class FrameExits(long last)
{
    private const int Most = MachineFrame.MostEvents;
    private const int MostPatches = Most / 2;
    private const int MostRefusals = Most / 8;

    // The latest are among so many: those that come first are fewer, and are chosen themselves.
    private readonly long _after = last - (2 * Most);
    private readonly Queue<ExitRecord> _patches = new();
    private readonly Queue<ExitRecord> _refusals = new();
    private readonly Queue<ExitRecord> _latest = new();

    /// <summary>Looks at one.</summary>
    public void Take(in ExitRecord record)
    {
        switch (record.Outcome)
        {
            case InterceptionOutcome.Patched:
                Take(record, _patches, MostPatches);
                break;
            case InterceptionOutcome.None or InterceptionOutcome.Served or InterceptionOutcome.Emulated or InterceptionOutcome.EmulatedReadOnly:
                TakeLatest(record);
                break;
            default:
                Take(record, _refusals, MostRefusals);
                break;
        }
    }

    /// <summary>Those chosen, oldest first.</summary>
    public IEnumerable<ExitRecord> Choose() => _patches
        .Concat(_refusals)
        .Concat(_latest.Skip(Math.Max(0, _latest.Count + _patches.Count + _refusals.Count - Most)))
        .OrderBy(record => record.Sequence);

    // The newest come first; one that has to go is an exit like others.
    private void Take(in ExitRecord record, Queue<ExitRecord> first, int most)
    {
        first.Enqueue(record);
        if (first.Count > most)
        {
            TakeLatest(first.Dequeue());
        }
    }

    private void TakeLatest(in ExitRecord record)
    {
        if (record.Sequence <= _after)
        {
            return;
        }

        _latest.Enqueue(record);
        if (_latest.Count > Most)
        {
            _ = _latest.Dequeue();
        }
    }
}
