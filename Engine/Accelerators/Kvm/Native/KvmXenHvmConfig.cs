using System.Runtime.InteropServices;

namespace Hyperpatch.Engine.Accelerators.Kvm.Native;

/// <summary><c>struct kvm_xen_hvm_config</c>.</summary>
[StructLayout(LayoutKind.Sequential, Size = 56)]
internal struct KvmXenHvmConfig
{
    public uint Flags;
    public uint Msr;
}
