namespace Hyperpatch.Engine.Accelerators;

/// <summary>Optional ability of a partition: show what the host's kernel counts about it.</summary>
public interface IKernelCounters
{
    /// <summary>
    /// Reads all counters, all processors together. From any thread; empty where the kernel shows none (before Linux 5.14) or the partition has
    /// ended.
    /// </summary>
    IReadOnlyDictionary<string, long> ReadKernelCounters();
}
