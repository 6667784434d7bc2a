using Hyperpatch.Engine.Accelerators.Kvm.Native;
using Microsoft.Win32.SafeHandles;

namespace Hyperpatch.Engine.Accelerators.Kvm.Descriptors;

/// <summary>A file descriptor of KVM.</summary>
internal sealed class KvmHandle : SafeHandleMinusOneIsInvalid
{
    public KvmHandle(int descriptor)
        : base(ownsHandle: true) => SetHandle(descriptor);

    /// <summary>The number, valid while this object is alive and not disposed.</summary>
    public int Descriptor => (int)handle;

    protected override bool ReleaseHandle() => Libc.Close((int)handle) == 0;
}
