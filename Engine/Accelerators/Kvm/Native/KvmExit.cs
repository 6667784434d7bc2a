namespace Hyperpatch.Engine.Accelerators.Kvm.Native;

/// <summary>Exit reasons of linux/kvm.h (KVM_EXIT_*).</summary>
internal static class KvmExit
{
    public const uint Io = 2;
    public const uint Debug = 4;
    public const uint Hlt = 5;
    public const uint Mmio = 6;
    public const uint IrqWindowOpen = 7;
    public const uint Shutdown = 8;
    public const uint FailEntry = 9;
    public const uint Intr = 10;
    public const uint InternalError = 17;
    public const uint SystemEvent = 24;
    public const uint X86RdMsr = 29;
    public const uint X86WrMsr = 30;
    public const uint Xen = 34;
}
