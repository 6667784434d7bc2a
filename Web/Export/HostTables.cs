using Hyperpatch.Web.Machines.HostKvm;
using Hyperpatch.Web.Machines.Views;

namespace Hyperpatch.Web.Export;

/// <summary>The tables of the host that can be had as files.</summary>
internal static class HostTables
{
    /// <summary>Machines, a row each.</summary>
    public static ExportTable Machines(IEnumerable<MachineView> machines) => new(
        [
            "id", "name", "guest", "createdAt", "state", "vendor", "accelerator", "deterministic", "interceptionLevel", "policy", "processors", "memoryMiB", "commandLine",
            "exits", "hypercalls", "patches", "injectedUd", "droppedEvents", "exitReason", "exitCode",
        ],
        machines.Select(view => (object?[])
        [
            view.Id, view.Name, view.Guest, view.CreatedAt, view.State, view.Vendor, view.Accelerator, view.Deterministic, view.InterceptionLevel, view.Policy,
            view.Processors.Count, view.MemoryMiB, view.CommandLine,
            view.Counters.Exits, view.Counters.Hypercalls, view.Counters.Patches, view.Counters.InjectedUd, view.Counters.DroppedEvents, view.Exit?.Reason, view.Exit?.Code,
        ]));

    /// <summary>KVM's counters, a row each: those of every machine, and with the key "all" those of all together.</summary>
    public static ExportTable Kvm(KvmHostView view) => new(
        ["key", "processId", "process", "isOurs", "machine", "name", "counter", "total", "perSecond"],
        [
            .. view.Machines.SelectMany(machine => machine.Counters, (machine, counter) => (object?[])
                [machine.Key, machine.ProcessId, machine.Process, machine.IsOurs, machine.Machine, machine.Name, counter.Name, counter.Total, counter.PerSecond]),
            .. view.Totals.Select(counter => (object?[])["all", null, null, null, null, null, counter.Name, counter.Total, counter.PerSecond]),
        ]);

    /// <summary>What the host is: a row a fact.</summary>
    public static ExportTable Facts(HostView view) => new(["fact", "value"], HostFacts.Of(view).Select(fact => (object?[])[fact.Name, fact.Value]));

    /// <summary>What the probe found: a row an instruction of a back end.</summary>
    public static ExportTable Probe(HostView view) => new(
        ["accelerator", "instruction", "bytes", "outcome", "detail"],
        view.Accelerators.SelectMany(accelerator => accelerator.Probe, (accelerator, result) => (object?[])[accelerator.Name, result.Instruction, result.Bytes, result.Outcome, result.Detail]));
}
