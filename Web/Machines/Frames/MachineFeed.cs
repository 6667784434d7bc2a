using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Machines.Commands;

namespace Hyperpatch.Web.Machines.Frames;

/// <summary>
/// A machine's frames, handed to whoever watches. Watchers with the same filter share one frame object, and with it its encoded
/// bytes. The engine's pump calls in here: nothing waits, nothing is encoded on its thread.
/// </summary>
public sealed class MachineFeed : IDisposable
{
    /// <summary>Most watchers of one machine: each costs the pump a little, ten times a second.</summary>
    public const int MaximumWatchers = 512;

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

    /// <summary>Raised when somebody began or ceased to watch, on whatever thread did so.</summary>
    public event EventHandler? WatchersChanged;

    /// <summary>How many watch.</summary>
    public int Watchers => _subscriptions.Length;

    /// <summary>Frames that those who watch now have lost so far, because they did not take them in time.</summary>
    public long Dropped => _subscriptions.Sum(static subscription => subscription.Dropped);

    /// <summary>Begins to watch. The caller disposes of the subscription.</summary>
    /// <param name="filter">What is wanted.</param>
    /// <param name="holder">Who wants it: those of the same name have one share of the watchers together.</param>
    /// <returns>The subscription, or why there is none: a filter that is not valid for this machine, or too many who watch.</returns>
    public CommandResult<FrameSubscription> Subscribe(FrameFilter filter, string holder)
    {
        ArgumentNullException.ThrowIfNull(filter);
        ArgumentNullException.ThrowIfNull(holder);
        if (!filter.Normalize(_machine.Processors.Length).Succeeded(out FrameFilter? normal, out CommandError? error))
        {
            return error;
        }

        var subscription = new FrameSubscription(normal, holder, Remove);

        // First in, then the snapshot: nothing falls between the two.
        if (!ImmutableInterlocked.Update(ref _subscriptions, static (list, one) => HasRoom(list, Count(list, one.Holder)) ? list.Add(one) : list, subscription))
        {
            return Refuse(Count(_subscriptions, holder));
        }

        WatchersChanged?.Invoke(this, EventArgs.Empty);
        if (_machine.LatestFrame is { } latest)
        {
            subscription.Initial = new EncodedFrame(Filter(Whole(latest), normal));
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

    // Whoever watches already leaves as many places free as they have: one alone gets half of all, and the next finds half of the rest, until each has a
    // few. So nobody can take the last places for themselves.
    private static bool HasRoom(ImmutableArray<FrameSubscription> list, int own) => own < MaximumWatchers - list.Length;

    private static int Count(ImmutableArray<FrameSubscription> list, string holder) => list.Count(subscription => subscription.Holder == holder);

    private static CommandError Refuse(int own) => new(CommandErrorKind.Conflict, own == 0
        ? $"{MaximumWatchers} watch this machine already, which is the most."
        : string.Create(CultureInfo.InvariantCulture, $"This log-in (of programs: this address) watches the machine {own} times already, and the places left are for others. Close one of its pages or streams first."));

    private static MachineFrame Filter(MachineFrame frame, FrameFilter filter)
    {
        if (filter == FrameFilter.All)
        {
            return frame;
        }

        IEnumerable<ExitEvent> events = frame.Events.Where(exit =>
            (filter.Reason is null || exit.Reason == filter.Reason)
            && (filter.Processor is null || exit.Processor == filter.Processor));
        return frame with { Events = [.. events.TakeLast(filter.Exits)] };
    }

    private void Publish(MachineFrame frame)
    {
        // Nearly all watchers have one of a few filters, but they need not.
        Dictionary<FrameFilter, EncodedFrame> made = [];
        foreach (FrameSubscription subscription in _subscriptions)
        {
            if (!made.TryGetValue(subscription.Filter, out EncodedFrame? encoded))
            {
                encoded = new EncodedFrame(Filter(frame, subscription.Filter));
                made.Add(subscription.Filter, encoded);
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

    private void Remove(FrameSubscription subscription)
    {
        if (ImmutableInterlocked.Update(ref _subscriptions, static (list, one) => list.Remove(one), subscription))
        {
            WatchersChanged?.Invoke(this, EventArgs.Empty);
        }
    }
}
