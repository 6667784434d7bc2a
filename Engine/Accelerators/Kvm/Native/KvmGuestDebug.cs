using System.Runtime.InteropServices;

namespace Hyperpatch.Engine.Accelerators.Kvm.Native;

/// <summary><c>struct kvm_guest_debug</c>: DR0 to DR3, and DR7 at index 7.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KvmGuestDebug
{
    public uint Control;
    public uint Padding;
    public fixed ulong DebugRegisters[8];
}
