using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Web.Machines;

/// <summary>
/// Stands in where no back end can be used: refuses with the reason. So a machine's options are checked in the same order
/// everywhere, first what a person mends in the form, then what has to be mended on the host.
/// </summary>
internal sealed class UnavailableAccelerator(string name, string reason) : IAccelerator
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public AcceleratorAvailability Check() => new(false, reason);

    /// <inheritdoc/>
    public InterceptionLevel SelectLevel(CpuVendor vendor) => throw new AcceleratorException(reason);

    /// <inheritdoc/>
    public IPartition CreatePartition(GuestMemory memory, CpuVendor vendor, InterceptionLevel level) => throw new AcceleratorException(reason);
}
