using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Interception;

/// <summary>What a vendor switch replaces as a whole. A processor takes one up while it is parked, so an exit sees exactly one.</summary>
/// <param name="Vendor">The vendor that the guest sees.</param>
/// <param name="VendorIndex">Its index in <see cref="CpuVendor.All"/>.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Level">How hypercalls are intercepted.</param>
/// <param name="Epoch">Number of switches so far.</param>
internal sealed record MachineContext(
    CpuVendor Vendor, byte VendorIndex, IPartition Partition, InterceptionLevel Level, uint Epoch)
{
    /// <summary>The partition's ability to watch sites, where it has it.</summary>
    public IWatchHypercallSites? Watch { get; } = Partition as IWatchHypercallSites;

    /// <summary>The partition's schedule and clock, where the machine is deterministic.</summary>
    public IDeterministicPartition? Deterministic { get; } = Partition as IDeterministicPartition;
}
