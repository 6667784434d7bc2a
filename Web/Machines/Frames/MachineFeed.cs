using System.Collections.Immutable;
using System.Text;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;

namespace Hyperpatch.Web.Machines.Frames;

/// <summary>
/// A machine's frames, handed to whoever watches. Watchers with the same filter share one frame object, and with it its encoded
/// bytes. The engine's pump calls in here: nothing waits, nothing is encoded on its thread.
/// </summary>
public sealed class MachineFeed : IDisposable
{
    private readonly VirtualMachine _machine;
    private readonly IDisposable _source;
    private ImmutableArray<FrameSubscription> _subscriptions = [];
    private bool _ended;

    /// <summary>Taps a machine.</summary>
    public MachineFeed(VirtualMachine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        _machine = machine;
        _source = machine.Subscribe(Publish);
    }

    /// <summary>How many watch.</summary>
    public int Watchers => _subscriptions.Length;

    /// <summary>Begins to watch. The caller disposes of the subscription.</summary>
    public FrameSubscription Subscribe(FrameFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        var subscription = new FrameSubscription(filter, Remove);

        // First in, then the snapshot: nothing falls between the two.
        ImmutableInterlocked.Update(ref _subscriptions, static (list, one) => list.Add(one), subscription);
        if (_machine.LatestFrame is { } latest)
        {
            subscription.Initial = new EncodedFrame(Filter(Whole(latest), filter));
        }

        if (Volatile.Read(ref _ended))
        {
            subscription.Complete();
        }

        return subscription;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Volatile.Write(ref _ended, true);
        _source.Dispose();
        foreach (FrameSubscription subscription in _subscriptions)
        {
            subscription.Complete();
        }
    }

    private static MachineFrame Filter(MachineFrame frame, FrameFilter filter)
    {
        if (filter == FrameFilter.All)
        {
            return frame;
        }

        IEnumerable<ExitEvent> events = frame.Events.Where(exit =>
            (filter.Reason is null || string.Equals(exit.Reason, filter.Reason, StringComparison.OrdinalIgnoreCase))
            && (filter.Processor is null || exit.Processor == filter.Processor));
        return frame with { Events = [.. events.TakeLast(filter.Exits)] };
    }

    private void Publish(MachineFrame frame)
    {
        // Nearly all watchers have one of a few filters.
        List<(FrameFilter Filter, EncodedFrame Frame)> made = [];
        foreach (FrameSubscription subscription in _subscriptions)
        {
            EncodedFrame? encoded = null;
            foreach ((FrameFilter filter, EncodedFrame candidate) in made)
            {
                if (filter == subscription.Filter)
                {
                    encoded = candidate;
                    break;
                }
            }

            if (encoded is null)
            {
                encoded = new EncodedFrame(Filter(frame, subscription.Filter));
                made.Add((subscription.Filter, encoded));
            }

            subscription.Offer(encoded);
        }
    }

    private MachineFrame Whole(MachineFrame latest)
    {
        string serial = Encoding.Latin1.GetString(_machine.Serial.ReadOutput(0, out long position));
        return latest with
        {
            Sites = [.. _machine.Sites.All().Take(MachineFrame.MostSites).Select(MachineViews.Site)],
            Timeline = _machine.Timeline.Read(),
            Serial = serial,
            SerialPosition = position,
        };
    }

    private void Remove(FrameSubscription subscription) =>
        ImmutableInterlocked.Update(ref _subscriptions, static (list, one) => list.Remove(one), subscription);
}
