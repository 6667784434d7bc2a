namespace Hyperpatch.Engine.Accelerators.Kvm.HostStatistics;

/// <summary>Counters of one KVM machine of this host, whoever started it, as the kernel's debugfs shows them.</summary>
/// <param name="ProcessId">Process that made it.</param>
/// <param name="Descriptor">File descriptor of the machine in that process.</param>
/// <param name="ProcessName">The process's name, or null where it cannot be read.</param>
/// <param name="Counters">Totals by name since the machine was made, all vCPUs together; some are levels, not counts.</param>
public sealed record KvmCounters(int ProcessId, int Descriptor, string? ProcessName, IReadOnlyDictionary<string, long> Counters);
