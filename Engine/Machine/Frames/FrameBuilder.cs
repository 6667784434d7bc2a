using System.Collections.Immutable;
using System.Text;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Hypercalls;
using Hyperpatch.Engine.Interception;

namespace Hyperpatch.Engine.Machine.Frames;

/// <summary>Makes a machine's frames, one after the other: remembers what the last one told. The pump's thread only.</summary>
internal sealed class FrameBuilder(VirtualMachine machine)
{
    private const int FullEvery = 10;
    private readonly ExitRecord[] _batch = new ExitRecord[4096];
    private readonly Dictionary<int, long> _siteVersions = [];
    private readonly ExitRecord[] _lastCalls = new ExitRecord[HypercallNumber.TableSize + 1];
    private readonly CallTimes _callTimes = new();
    private long _sequence;
    private long _lastExit;
    private long _lastEntry;
    private long _serialPosition;

    public MachineFrame Build()
    {
        _sequence++;
        List<ExitEvent> events = TakeEvents(out long skipped);
        IReadOnlyList<TimelineEntry> timeline = machine.Timeline.Read(_lastEntry);
        if (timeline.Count > 0)
        {
            _lastEntry = timeline[^1].Sequence;
        }

        // Latin-1: the guest's bytes are shown one for one, and can never be invalid.
        string serial = Encoding.Latin1.GetString(machine.Serial.ReadOutput(_serialPosition, out _serialPosition));
        MachineExit? exit = machine.Exit;
        return new MachineFrame
        {
            MachineId = machine.Id,
            Sequence = _sequence,
            At = MomentClock.Shared.NowUnixMs,
            State = MachineViews.Name(machine.State),
            Vendor = machine.Vendor.Id,
            Policy = PolicyNames.Of(machine.Policy),
            Level = PolicyNames.Of(machine.Level),
            Epoch = machine.Epoch,
            ExitReason = exit?.Reason,
            ExitCode = exit?.Code,
            PausedBy = MachineViews.Pause(machine.PausedBy),
            Counters = MachineViews.Counters(machine),
            Reasons = MachineViews.Reasons(machine),
            Processors = MachineViews.Processors(machine),
            Hypercalls = TakeHypercalls(),
            Sites = TakeSites(),
            Events = events,
            SkippedEvents = skipped,
            Timeline = timeline,
            Serial = serial,
            SerialPosition = _serialPosition,
        };
    }

    private List<ExitEvent> TakeEvents(out long skipped)
    {
        ExitJournal journal = machine.Journal;
        journal.Drain();
        long first = _lastExit;
        FrameExits exits = new(journal.LastSequence);
        for (int count; (count = journal.Read(_lastExit, _batch)) > 0; _lastExit = _batch[count - 1].Sequence)
        {
            foreach (ref readonly ExitRecord record in _batch.AsSpan(0, count))
            {
                Remember(record);
                exits.Take(record);
            }
        }

        List<ExitEvent> events = [.. exits.Choose().Select(record => ExitEvents.Describe(record))];
        skipped = Math.Max(0, _lastExit - first - events.Count);
        return events;
    }

    private void Remember(in ExitRecord record)
    {
        machine.Latency.See(record.Reason, record.DurationNanoseconds);
        if (record.Outcome is InterceptionOutcome.Served or InterceptionOutcome.Emulated or InterceptionOutcome.EmulatedReadOnly)
        {
            _lastCalls[Math.Min(record.Value0, HypercallNumber.TableSize)] = record;
            _callTimes.Add(record.Value0, record.DurationNanoseconds);
        }
    }

    private List<HypercallView> TakeHypercalls()
    {
        List<HypercallView> views = [];
        for (int i = 0; i < _lastCalls.Length; i++)
        {
            long count = MachineViews.CountOfHypercall(machine, i);
            if (count == 0)
            {
                continue;
            }

            ExitRecord last = _lastCalls[i];
            bool isKnown = last.Sequence != 0;
            bool isNamed = i < HypercallNumber.TableSize;
            views.Add(new HypercallView(
                isNamed ? i : -1,
                isNamed ? HypercallNumber.Name((ulong)i) : "unknown",
                count,
                isKnown ? [ExitEvents.Hex(last.Value1), ExitEvents.Hex(last.Value2), ExitEvents.Hex(last.Value3), ExitEvents.Hex(last.Value4)] : null,
                isKnown ? ExitEvents.Signed(last.Result) : null)
            {
                Times = _callTimes.Of(i),
            });
        }

        return views;
    }

    private List<SiteView> TakeSites()
    {
        bool full = _sequence % FullEvery == 1;
        List<SiteView> views = [];
        ImmutableArray<HypercallSite> sites = machine.Sites.All();
        // From another place each time: where there are more than fit, all have their turn.
        int first = sites.Length > MachineFrame.MostSites ? (int)(_sequence * MachineFrame.MostSites % sites.Length) : 0;
        for (int i = 0; i < sites.Length && views.Count < MachineFrame.MostSites; i++)
        {
            HypercallSite site = sites[(first + i) % sites.Length];
            long version = site.Calls + site.Attempts;
            bool changed = !_siteVersions.TryGetValue(site.Id, out long before) || before != version;
            if (changed || full)
            {
                _siteVersions[site.Id] = version;
                views.Add(MachineViews.Site(site));
            }
        }

        return views;
    }
}
