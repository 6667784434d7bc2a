using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>The back end in software: an x86-64 processor that runs anywhere.</summary>
public sealed class SoftwareAccelerator : IDeterministicAccelerator
{
    /// <inheritdoc/>
    public string Name => "software";

    /// <inheritdoc/>
    public AcceleratorAvailability Check() => new(true, "needs nothing of the host");

    /// <inheritdoc/>
    public InterceptionLevel SelectLevel(CpuVendor vendor) => InterceptionLevel.Trap;

    /// <inheritdoc/>
    public IPartition CreatePartition(GuestMemory memory, CpuVendor vendor, InterceptionLevel level)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(vendor);
        return new SoftwarePartition(memory, vendor);
    }

    /// <inheritdoc/>
    public IDeterministicPartition CreateDeterministicPartition(GuestMemory memory, CpuVendor vendor, InterceptionLevel level)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(vendor);
        return new DeterministicPartition(memory, vendor);
    }
}
