namespace Hyperpatch.Engine.Accelerators.Kvm.Native;

/// <summary>Capabilities of linux/kvm.h (KVM_CAP_*).</summary>
internal static class KvmCap
{
    public const int Irqchip = 0;
    public const int UserMemory = 3;
    public const int ExtCpuid = 7;
    public const int MpState = 14;
    public const int SetGuestDebug = 23;
    public const int XenHvm = 38;
    public const int VcpuEvents = 41;
    public const int DebugRegs = 50;
    public const int Xsave = 55;
    public const int Xcrs = 56;
    public const int MaxVcpus = 66;
    public const int SyncRegs = 74;
    public const int SignalMsi = 77;
    public const int ReadonlyMem = 81;
    public const int SplitIrqchip = 121;
    public const int ImmediateExit = 136;
    public const int X86UserSpaceMsr = 188;
    public const int SetGuestDebug2 = 195;
    public const int BinaryStatsFd = 203;
    public const int Xsave2 = 208;
    public const int DisableQuirks2 = 213;
}
