using System.Runtime.InteropServices;

namespace Hyperpatch.Engine.Accelerators.Kvm.Native;

/// <summary><c>struct kvm_dirty_log</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KvmDirtyLog
{
    public uint Slot;
    public uint Padding;
    public ulong Bitmap;
}
