using System.Collections.Immutable;
using Hyperpatch.Engine.Accelerators.Kvm.Descriptors;
using Hyperpatch.Engine.Accelerators.Kvm.Native;

namespace Hyperpatch.Engine.Accelerators.Kvm;

/// <summary>An opened /dev/kvm with what is asked of it once.</summary>
internal sealed class KvmHost : IDisposable
{
    private static readonly (int Capability, string Name, string Since)[] s_needed =
    [
        (KvmCap.UserMemory, "KVM_CAP_USER_MEMORY", "2.6.25"),
        (KvmCap.Irqchip, "KVM_CAP_IRQCHIP", "2.6.20"),
        (KvmCap.ExtCpuid, "KVM_CAP_EXT_CPUID", "2.6.27"),
        (KvmCap.MpState, "KVM_CAP_MP_STATE", "2.6.27"),
        (KvmCap.SetGuestDebug, "KVM_CAP_SET_GUEST_DEBUG", "2.6.28"),
        (KvmCap.VcpuEvents, "KVM_CAP_VCPU_EVENTS", "2.6.33"),
        (KvmCap.DebugRegs, "KVM_CAP_DEBUGREGS", "2.6.34"),
        (KvmCap.Xsave, "KVM_CAP_XSAVE", "2.6.36"),
        (KvmCap.Xcrs, "KVM_CAP_XCRS", "2.6.36"),
        (KvmCap.SignalMsi, "KVM_CAP_SIGNAL_MSI", "3.5"),
        (KvmCap.ImmediateExit, "KVM_CAP_IMMEDIATE_EXIT", "4.12"),
        (KvmCap.SyncRegs, "KVM_CAP_SYNC_REGS", "4.17"),
        (KvmCap.DisableQuirks2, "KVM_CAP_DISABLE_QUIRKS2", "5.17"),
    ];

    private KvmHost(KvmSystem system)
    {
        System = system;
        SupportedCpuid = system.GetSupportedCpuid();
        StateMsrs = system.GetMsrIndices();
        CanBlockInterrupts = ((uint)system.Check(KvmCap.SetGuestDebug2) & KvmFlags.GuestDebugBlockIrq) != 0;
    }

    public KvmSystem System { get; }

    public KvmCpuidEntry[] SupportedCpuid { get; }

    public ImmutableArray<uint> StateMsrs { get; }

    /// <summary>Whether the kernel can hold interrupts off while a processor is single-stepped (Linux 5.16).</summary>
    public bool CanBlockInterrupts { get; }

    /// <summary>Whether hypercalls come to the host only through KVM's Xen intercept. Set by the probe.</summary>
    public bool NeedsXenIntercept { get; set; }

    /// <summary>Opens /dev/kvm and checks that it is new enough.</summary>
    /// <exception cref="AcceleratorException">It is not usable; the message says what to do.</exception>
    public static KvmHost Open()
    {
        KvmSystem system = KvmSystem.Open();
        try
        {
            foreach ((int capability, string name, string since) in s_needed)
            {
                if (system.Check(capability) == 0)
                {
                    throw new AcceleratorException(
                        $"{KvmSystem.Path}: this kernel's KVM lacks {name}; use a kernel of at least Linux {since} (5.19 or later has all that is needed).");
                }
            }

            if (((ulong)system.Check(KvmCap.DisableQuirks2) & KvmFlags.QuirkFixHypercallInsn) == 0)
            {
                throw new AcceleratorException(
                    $"{KvmSystem.Path}: this kernel's KVM cannot leave hypercall instructions alone (KVM_X86_QUIRK_FIX_HYPERCALL_INSN); use Linux 5.19 or later.");
            }

            return new KvmHost(system);
        }
        catch
        {
            system.Dispose();
            throw;
        }
    }

    public void Dispose() => System.Dispose();
}
