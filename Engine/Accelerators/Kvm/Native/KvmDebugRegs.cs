using System.Runtime.InteropServices;

namespace Hyperpatch.Engine.Accelerators.Kvm.Native;

/// <summary><c>struct kvm_debugregs</c>.</summary>
[StructLayout(LayoutKind.Sequential, Size = 128)]
internal unsafe struct KvmDebugRegs
{
    public fixed ulong Db[4];
    public ulong Dr6;
    public ulong Dr7;
    public ulong Flags;
}
