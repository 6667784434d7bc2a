using System.Runtime.InteropServices;

namespace Hyperpatch.Engine.Accelerators.Kvm.Native;

/// <summary><c>struct kvm_enable_cap</c>.</summary>
[StructLayout(LayoutKind.Sequential, Size = 104)]
internal unsafe struct KvmEnableCap
{
    public uint Cap;
    public uint Flags;
    public fixed ulong Args[4];
}
