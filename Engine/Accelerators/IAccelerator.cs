using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Accelerators;

/// <summary>A back end of this host (KVM, the software processor): makes partitions.</summary>
public interface IAccelerator
{
    /// <summary>Name in configuration and API, such as <c>kvm</c>.</summary>
    string Name { get; }

    /// <summary>Whether it can be used here, asked afresh at each call.</summary>
    AcceleratorAvailability Check();

    /// <summary>What interception means on this host for a guest that sees the given vendor.</summary>
    /// <param name="vendor">The vendor that the guest sees.</param>
    InterceptionLevel SelectLevel(CpuVendor vendor);

    /// <summary>Makes a partition without processors.</summary>
    /// <param name="memory">The guest's memory; it must outlive the partition.</param>
    /// <param name="vendor">The vendor that the guest sees.</param>
    /// <param name="level">How hypercalls are intercepted.</param>
    /// <exception cref="AcceleratorException">The host refuses; the message names the operation and the error.</exception>
    IPartition CreatePartition(GuestMemory memory, CpuVendor vendor, InterceptionLevel level);
}
