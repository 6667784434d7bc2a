using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Hyperpatch.Engine.Accelerators.Kvm.Native;

namespace Hyperpatch.Engine.Accelerators.Kvm.Descriptors;

/// <summary>/dev/kvm itself.</summary>
internal sealed unsafe class KvmSystem : IDisposable
{
    /// <summary>The device.</summary>
    public const string Path = "/dev/kvm";

    private const int ExpectedApiVersion = 12;
    private readonly KvmHandle _handle;

    private KvmSystem(KvmHandle handle)
    {
        _handle = handle;
        VcpuMmapSize = KvmError.Check(Libc.Ioctl(handle.Descriptor, KvmIoctl.GetVcpuMmapSize, 0), "KVM_GET_VCPU_MMAP_SIZE");
    }

    /// <summary>Size of a vCPU's shared mapping in bytes.</summary>
    public int VcpuMmapSize { get; }

    /// <summary>Opens the device.</summary>
    /// <exception cref="AcceleratorException">It is missing, may not be opened, or is no KVM of API version 12.</exception>
    public static KvmSystem Open()
    {
        int descriptor = Libc.Open(Path, Libc.OpenReadWriteCloseOnExec);
        if (descriptor < 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            throw new AcceleratorException(errno switch
            {
                Libc.Enoent => $"{Path}: not there. Load the module kvm_intel or kvm_amd, enable virtualisation in the firmware, "
                    + "or pass the device into the container (--device /dev/kvm).",
                Libc.Eacces or Libc.Eperm => $"{Path}: permission denied. Add yourself to the group kvm (sudo usermod -aG kvm $USER) "
                    + "and log in again; in a container, allow the device.",
                Libc.Enodev or Libc.Enxio => $"{Path}: no such device. The kernel has no working KVM module; enable virtualisation in the firmware.",
                _ => $"{Path}: cannot be opened: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno}).",
            });
        }

        KvmHandle handle = new(descriptor);
        int version = Libc.Ioctl(descriptor, KvmIoctl.GetApiVersion, 0);
        if (version != ExpectedApiVersion)
        {
            handle.Dispose();
            throw new AcceleratorException(version < 0
                ? $"{Path}: is no KVM device."
                : $"{Path}: speaks KVM API version {version}; version {ExpectedApiVersion} (Linux 2.6.22 or later) is needed.");
        }

        return new KvmSystem(handle);
    }

    /// <summary>KVM_CHECK_EXTENSION: 0 when the capability is not there.</summary>
    public int Check(int capability) =>
        Math.Max(0, Libc.Ioctl(_handle.Descriptor, KvmIoctl.CheckExtension, capability));

    /// <summary>Makes a VM.</summary>
    public KvmVm CreateVm() =>
        new(new KvmHandle(KvmError.Check(KvmError.Retry(_handle.Descriptor, KvmIoctl.CreateVm, 0), "KVM_CREATE_VM")), VcpuMmapSize);

    /// <summary>KVM_GET_SUPPORTED_CPUID.</summary>
    public KvmCpuidEntry[] GetSupportedCpuid()
    {
        const int Most = 256;
        byte[] buffer = new byte[8 + (Most * sizeof(KvmCpuidEntry))];
        MemoryMarshal.Write(buffer, Most);
        fixed (byte* pointer = buffer)
        {
            KvmError.Check(
                Libc.Ioctl(_handle.Descriptor, KvmIoctl.GetSupportedCpuid, (nint)pointer), "KVM_GET_SUPPORTED_CPUID");
        }

        int count = MemoryMarshal.Read<int>(buffer);
        return MemoryMarshal.Cast<byte, KvmCpuidEntry>(buffer.AsSpan(8))[..count].ToArray();
    }

    /// <summary>KVM_GET_MSR_INDEX_LIST: what makes up a vCPU's state.</summary>
    public ImmutableArray<uint> GetMsrIndices()
    {
        uint[] buffer = new uint[2048];
        buffer[0] = (uint)buffer.Length - 1;
        fixed (uint* pointer = buffer)
        {
            KvmError.Check(
                Libc.Ioctl(_handle.Descriptor, KvmIoctl.GetMsrIndexList, (nint)pointer), "KVM_GET_MSR_INDEX_LIST");
        }

        return [.. buffer.AsSpan(1, (int)buffer[0])];
    }

    public void Dispose() => _handle.Dispose();
}
