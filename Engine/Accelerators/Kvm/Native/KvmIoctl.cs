namespace Hyperpatch.Engine.Accelerators.Kvm.Native;

/// <summary>Request numbers of linux/kvm.h on x86-64. A test holds them against the C compiler's.</summary>
internal static class KvmIoctl
{
    // On /dev/kvm.
    public const uint GetApiVersion = 0xAE00;
    public const uint CreateVm = 0xAE01;
    public const uint GetMsrIndexList = 0xC004_AE02;
    public const uint CheckExtension = 0xAE03;
    public const uint GetVcpuMmapSize = 0xAE04;
    public const uint GetSupportedCpuid = 0xC008_AE05; // KVM_CAP_EXT_CPUID

    // On a VM.
    public const uint CreateVcpu = 0xAE41;
    public const uint GetDirtyLog = 0x4010_AE42; // KVM_CAP_USER_MEMORY
    public const uint SetUserMemoryRegion = 0x4020_AE46; // KVM_CAP_USER_MEMORY
    public const uint SetTssAddr = 0xAE47; // KVM_CAP_SET_TSS_ADDR
    public const uint SetIdentityMapAddr = 0x4008_AE48; // KVM_CAP_SET_IDENTITY_MAP_ADDR
    public const uint CreateIrqchip = 0xAE60; // KVM_CAP_IRQCHIP
    public const uint XenHvmConfig = 0x4038_AE7A; // KVM_CAP_XEN_HVM
    public const uint EnableCap = 0x4068_AEA3; // KVM_CAP_ENABLE_CAP_VM
    public const uint SignalMsi = 0x4020_AEA5; // KVM_CAP_SIGNAL_MSI

    // On a VM or a vCPU.
    public const uint GetStatsFd = 0xAECE; // KVM_CAP_BINARY_STATS_FD

    // On a vCPU.
    public const uint Run = 0xAE80;
    public const uint GetRegs = 0x8090_AE81;
    public const uint SetRegs = 0x4090_AE82;
    public const uint GetSregs = 0x8138_AE83;
    public const uint SetSregs = 0x4138_AE84;
    public const uint GetMsrs = 0xC008_AE88;
    public const uint SetMsrs = 0x4008_AE89;
    public const uint SetSignalMask = 0x4004_AE8B;
    public const uint GetLapic = 0x8400_AE8E; // KVM_CAP_IRQCHIP
    public const uint SetLapic = 0x4400_AE8F; // KVM_CAP_IRQCHIP
    public const uint SetCpuid2 = 0x4008_AE90; // KVM_CAP_EXT_CPUID
    public const uint GetMpState = 0x8004_AE98; // KVM_CAP_MP_STATE
    public const uint SetMpState = 0x4004_AE99; // KVM_CAP_MP_STATE
    public const uint SetGuestDebug = 0x4048_AE9B; // KVM_CAP_SET_GUEST_DEBUG
    public const uint GetVcpuEvents = 0x8040_AE9F; // KVM_CAP_VCPU_EVENTS
    public const uint SetVcpuEvents = 0x4040_AEA0; // KVM_CAP_VCPU_EVENTS
    public const uint GetDebugRegs = 0x8080_AEA1; // KVM_CAP_DEBUGREGS
    public const uint SetDebugRegs = 0x4080_AEA2; // KVM_CAP_DEBUGREGS
    public const uint GetXsave = 0x9000_AEA4; // KVM_CAP_XSAVE
    public const uint SetXsave = 0x5000_AEA5; // KVM_CAP_XSAVE
    public const uint GetXcrs = 0x8188_AEA6; // KVM_CAP_XCRS
    public const uint SetXcrs = 0x4188_AEA7; // KVM_CAP_XCRS
    public const uint GetXsave2 = 0x9000_AECF; // KVM_CAP_XSAVE2
}
