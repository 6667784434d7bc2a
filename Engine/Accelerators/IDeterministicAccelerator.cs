using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Accelerators;

/// <summary>Optional ability of a back end: partitions whose runs repeat exactly.</summary>
public interface IDeterministicAccelerator : IAccelerator
{
    /// <summary>Makes a deterministic partition without processors, its time at zero.</summary>
    /// <param name="memory">The guest's memory; it must outlive the partition.</param>
    /// <param name="vendor">The vendor that the guest sees.</param>
    /// <param name="level">How hypercalls are intercepted.</param>
    /// <exception cref="AcceleratorException">The host refuses; the message names the operation and the error.</exception>
    IDeterministicPartition CreateDeterministicPartition(GuestMemory memory, CpuVendor vendor, InterceptionLevel level);
}
