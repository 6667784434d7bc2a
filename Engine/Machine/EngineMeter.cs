using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Hypercalls;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine.Frames;

namespace Hyperpatch.Engine.Machine;

/// <summary>
/// The engine's meter for System.Diagnostics.Metrics. Everything is observable: the journal's own exact counters are read when somebody
/// collects, and nothing is added to a processor's path.
/// </summary>
public static class EngineMeter
{
    /// <summary>Name of the meter.</summary>
    public const string Name = "Hyperpatch.Engine";

    private static readonly ConcurrentDictionary<VirtualMachine, byte> s_machines = new();
    private static readonly Meter s_meter = Make();

    internal static void Add(VirtualMachine machine) => s_machines[machine] = 0;

    internal static void Remove(VirtualMachine machine) => s_machines.TryRemove(machine, out _);

    private static Meter Make()
    {
        Meter meter = new(Name, typeof(EngineMeter).Assembly.GetName().Version?.ToString(3));
        _ = meter.CreateObservableUpDownCounter(
            "hyperpatch.machines", () => s_machines.Count, "{machine}", "Machines that exist.");
        _ = meter.CreateObservableCounter("hyperpatch.exits", ObserveExits, "{exit}", "VM exits by machine and reason.");
        _ = meter.CreateObservableCounter("hyperpatch.hypercalls", ObserveHypercalls, "{call}", "Hypercalls served, by machine and name.");
        _ = meter.CreateObservableCounter(
            "hyperpatch.interceptions", ObserveOutcomes, "{interception}", "#UD and hypercalls intercepted, by machine and outcome.");
        _ = meter.CreateObservableCounter(
            "hyperpatch.events.dropped",
            () => s_machines.Keys.Select(machine => new Measurement<long>(machine.Journal.Dropped, Tag("machine", machine.Id))),
            "{exit}",
            "Exits that were counted but not kept.");
        return meter;
    }

    private static IEnumerable<Measurement<long>> ObserveExits() =>
        from machine in s_machines.Keys
        from reason in Enum.GetValues<ExitReason>()
        let count = machine.Journal.CountOf(reason)
        where count > 0
        select new Measurement<long>(count, Tag("machine", machine.Id), Tag("reason", reason.Name()));

    private static IEnumerable<Measurement<long>> ObserveHypercalls() =>
        from machine in s_machines.Keys
        from index in Enumerable.Range(0, HypercallNumber.TableSize + 1)
        let count = MachineViews.CountOfHypercall(machine, index)
        where count > 0
        select new Measurement<long>(
            count, Tag("machine", machine.Id), Tag("name", index < HypercallNumber.TableSize ? HypercallNumber.Name((ulong)index) : "unknown"));

    private static IEnumerable<Measurement<long>> ObserveOutcomes() =>
        from machine in s_machines.Keys
        from outcome in Enum.GetValues<InterceptionOutcome>()
        let count = outcome == InterceptionOutcome.None ? 0 : machine.Journal.CountOf(outcome)
        where count > 0
        select new Measurement<long>(count, Tag("machine", machine.Id), Tag("outcome", ExitEvents.Name(outcome)));

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);
}
