using System.Collections.Immutable;

namespace Hyperpatch.Engine.Accelerators.Kvm.HostStatistics;

/// <summary>KVM's own counters at one moment.</summary>
public sealed record KvmHostReading
{
    /// <summary>Why they cannot be read and what to do, or null.</summary>
    public string? Reason { get; init; }

    /// <summary>All machines together.</summary>
    public IReadOnlyDictionary<string, long> Totals { get; init; } = ImmutableDictionary<string, long>.Empty;

    /// <summary>The machines, by process and descriptor.</summary>
    public IReadOnlyList<KvmCounters> Machines { get; init; } = [];

    /// <summary>Machines that were left out because there are too many.</summary>
    public int MachinesLeftOut { get; init; }
}
