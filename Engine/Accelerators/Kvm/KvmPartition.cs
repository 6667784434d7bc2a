using Hyperpatch.Engine.Accelerators.Kvm.Descriptors;
using Hyperpatch.Engine.Accelerators.Kvm.Native;
using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Accelerators.Kvm;

/// <summary>A VM: its memory slots, its in-kernel local APICs, the quirk FIX_HYPERCALL_INSN off.</summary>
internal sealed partial class KvmPartition : IPartition, IWatchHypercallSites, IDirtyLog
{
    private const ulong TssAddress = 0xFFFB_D000;
    private const int RemoteRead = 3; // KVM takes this delivery mode as the paravirtual kick (arch/x86/kvm/lapic.c, APIC_DM_REMRD)
    private const uint MsiAddress = 0xFEE0_0000;
    private readonly KvmHost _host;
    private readonly KvmVm _vm;
    private readonly CpuVendor _vendor;
    private readonly KvmStatistics?[] _statistics = new KvmStatistics?[64];
    private readonly ulong[] _watched = new ulong[3];
    private readonly bool[] _kicked = new bool[256];
    private int _watchedCount;

    public KvmPartition(KvmHost host, GuestMemory memory, CpuVendor vendor, InterceptionLevel level)
    {
        _host = host;
        _vendor = vendor;
        Memory = memory;
        Level = level;
        _vm = host.System.CreateVm();
        try
        {
            if (!_vm.TryEnable(KvmCap.DisableQuirks2, KvmFlags.QuirkFixHypercallInsn))
            {
                throw new AcceleratorException(
                    "KVM refused to switch its own hypercall patching off (KVM_X86_QUIRK_FIX_HYPERCALL_INSN). Linux 5.19 or later is needed.");
            }

            _vm.PlaceTss(TssAddress);
            const int IoApicRoutes = 24;
            if (!_vm.TryEnable(KvmCap.SplitIrqchip, IoApicRoutes))
            {
                _vm.CreateIrqchip();
            }

            // Without it an unknown MSR is the kernel's to answer: less is seen, nothing breaks.
            _ = _vm.TryEnable(KvmCap.X86UserSpaceMsr, KvmFlags.MsrExitInvalid | KvmFlags.MsrExitUnknown);
            if (level == InterceptionLevel.Trap && host.NeedsXenIntercept && !_vm.TryInterceptXenHypercalls())
            {
                throw new AcceleratorException("KVM refused to intercept hypercalls (KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL).");
            }

            uint slot = 0;
            foreach (MemoryRegion region in memory.Regions)
            {
                _vm.SetMemory(slot++, region, logWrites: false);
            }
        }
        catch
        {
            _vm.Dispose();
            throw;
        }
    }

    public GuestMemory Memory { get; }

    public InterceptionLevel Level { get; }

    /// <summary>Guest-debug flag that holds interrupts off, or 0 where the kernel has none.</summary>
    public uint BlockIrq => _host.CanBlockInterrupts ? KvmFlags.GuestDebugBlockIrq : 0;

    /// <summary>Linear addresses of patched sites to break at, at most three (level <c>native</c>); grows only.</summary>
    public ReadOnlySpan<ulong> WatchedSites => _watched.AsSpan(0, Volatile.Read(ref _watchedCount));

    public long? KernelHypercalls
    {
        get
        {
            long? sum = null;
            foreach (KvmStatistics? statistics in _statistics)
            {
                if (statistics?.Read("hypercalls") is long value)
                {
                    sum = (sum ?? 0) + value;
                }
            }

            return sum;
        }
    }

    public IProcessor CreateProcessor(int index)
    {
        KvmVcpu vcpu = _vm.CreateVcpu(index);
        try
        {
            vcpu.SetCpuid(KvmCpuid.Make(_host.SupportedCpuid, _vendor, index));
            _statistics[index] = vcpu.OpenStatistics();
            return new KvmProcessor(this, vcpu, index, _host.StateMsrs);
        }
        catch
        {
            vcpu.Dispose();
            throw;
        }
    }

    public bool DeliverInterrupt(uint apicId, byte vector, int deliveryMode) =>
        apicId < 255 && _vm.SignalMsi(MsiAddress | (apicId << 12), ((uint)deliveryMode << 8) | vector);

    public void WakeFromHalt(uint apicId)
    {
        if (apicId < 255)
        {
            Volatile.Write(ref _kicked[apicId], true);
            _ = _vm.SignalMsi(MsiAddress | (apicId << 12), RemoteRead << 8);
        }
    }

    /// <summary>Whether a processor was kicked since the last <see cref="ForgetKick"/>: the kernel does not tell whether its next HLT will return at once.</summary>
    public bool WasKicked(int index) => Volatile.Read(ref _kicked[index]);

    /// <summary>A processor was seen in HLT: no kick is pending.</summary>
    public void ForgetKick(int index) => Volatile.Write(ref _kicked[index], false);

    public void WatchSite(ulong linear)
    {
        if (Level != InterceptionLevel.Native)
        {
            return;
        }

        lock (_watched)
        {
            if (_watchedCount < _watched.Length && !WatchedSites.Contains(linear))
            {
                _watched[_watchedCount] = linear;
                Volatile.Write(ref _watchedCount, _watchedCount + 1);
            }
        }
    }

    public void Dispose()
    {
        foreach (KvmStatistics? statistics in _statistics)
        {
            statistics?.Dispose();
        }

        _vm.Dispose();
        ForgetDirtyLog();
    }
}
