namespace Hyperpatch.Engine.Accelerators.Kvm.Native;

/// <summary>Flag values of linux/kvm.h and asm/kvm.h.</summary>
internal static class KvmFlags
{
    public const ulong QuirkFixHypercallInsn = 1 << 5; // KVM_X86_QUIRK_FIX_HYPERCALL_INSN
    public const uint GuestDebugEnable = 1;
    public const uint GuestDebugSingleStep = 2;
    public const uint GuestDebugBlockIrq = 0x10_0000;
    public const uint GuestDebugUseHwBp = 0x2_0000;
    public const uint XenInterceptHypercall = 1 << 1; // KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL
    public const ulong MsrExitInvalid = 1; // KVM_MSR_EXIT_REASON_INVAL
    public const ulong MsrExitUnknown = 2; // KVM_MSR_EXIT_REASON_UNKNOWN
    public const ulong SyncRegs = 1;
    public const ulong SyncSregs = 2;
    public const ulong SyncEvents = 4;
    public const uint EventsValidShadow = 4; // KVM_VCPUEVENT_VALID_SHADOW
    public const byte ShadowMovSs = 1;
    public const byte ShadowSti = 2;
    public const uint MpRunnable = 0;
    public const uint MpUninitialized = 1;
    public const uint MpInitReceived = 2;
    public const uint MpHalted = 3;
    public const uint MemLogDirtyPages = 1;
    public const uint MemReadOnly = 2;
    public const byte IoOut = 1;
    public const uint CpuidSignificantIndex = 1;
}
