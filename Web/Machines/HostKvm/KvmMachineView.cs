namespace Hyperpatch.Web.Machines.HostKvm;

/// <summary>A KVM machine of this host.</summary>
/// <param name="Key">What tells it apart: PID-FD, or the id of a machine of ours that debugfs does not show.</param>
/// <param name="ProcessId">The process that made it.</param>
/// <param name="Process">That process's name, or null.</param>
/// <param name="IsOurs">Whether this server made it.</param>
/// <param name="Machine">Id of the machine of ours, where that is known; else null.</param>
/// <param name="Name">Name of that machine, or null.</param>
/// <param name="Counters">Its counters, the fastest first.</param>
public sealed record KvmMachineView(
    string Key, int ProcessId, string? Process, bool IsOurs, string? Machine, string? Name, IReadOnlyList<KvmCounterView> Counters);
