using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Accelerators.Kvm;

/// <summary>The back end on /dev/kvm.</summary>
/// <param name="forcedLevel">An interception level that overrides the probe's, or null.</param>
public sealed class KvmAccelerator(InterceptionLevel? forcedLevel = null) : IAccelerator, IHostProbe, IDisposable
{
    private readonly Lock _lock = new();
    private KvmHost? _host;
    private HostProbe? _probe;

    /// <inheritdoc/>
    public string Name => "kvm";

    /// <inheritdoc/>
    public AcceleratorAvailability Check()
    {
        try
        {
            _ = Host();
            return new AcceleratorAvailability(true, "/dev/kvm can be opened");
        }
        catch (AcceleratorException e)
        {
            return new AcceleratorAvailability(false, e.Message);
        }
    }

    /// <inheritdoc/>
    public HostProbe Probe()
    {
        lock (_lock)
        {
            return _probe ??= KvmProbe.Run(Host(), forcedLevel);
        }
    }

    /// <inheritdoc/>
    public InterceptionLevel SelectLevel(CpuVendor vendor)
    {
        ArgumentNullException.ThrowIfNull(vendor);
        return Probe().Levels[vendor.Id];
    }

    /// <inheritdoc/>
    public IPartition CreatePartition(GuestMemory memory, CpuVendor vendor, InterceptionLevel level)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(vendor);
        _ = Probe();
        return new KvmPartition(Host(), memory, vendor, level);
    }

    /// <summary>Closes /dev/kvm. Partitions made before stay usable.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _host?.Dispose();
            _host = null;
        }
    }

    private KvmHost Host()
    {
        lock (_lock)
        {
            return _host ??= KvmHost.Open();
        }
    }
}
