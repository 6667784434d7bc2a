using Hyperpatch.Engine.Accelerators.Kvm.Descriptors;

namespace Hyperpatch.Engine.Accelerators.Kvm;

/// <content>What the kernel counts (KVM_GET_STATS_FD).</content>
internal sealed partial class KvmPartition : IKernelCounters
{
    public IReadOnlyDictionary<string, long> ReadKernelCounters()
    {
        Dictionary<string, long> sums = new(StringComparer.Ordinal);
        foreach (KvmStatistics? statistics in _statistics)
        {
            statistics?.AddTo(sums);
        }

        return sums;
    }
}
