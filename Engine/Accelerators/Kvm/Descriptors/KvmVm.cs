using System.Runtime.InteropServices;
using Hyperpatch.Engine.Accelerators.Kvm.Native;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Kvm.Descriptors;

/// <summary>A VM's file descriptor.</summary>
internal sealed unsafe class KvmVm(KvmHandle handle, int vcpuMmapSize) : IDisposable
{
    /// <summary>KVM_ENABLE_CAP.</summary>
    /// <returns>False when the kernel refuses.</returns>
    public bool TryEnable(int capability, ulong argument)
    {
        KvmEnableCap cap = new() { Cap = (uint)capability };
        cap.Args[0] = argument;
        return Libc.Ioctl(handle.Descriptor, KvmIoctl.EnableCap, (nint)(&cap)) >= 0;
    }

    /// <summary>KVM_SET_TSS_ADDR and KVM_SET_IDENTITY_MAP_ADDR: kvm-intel wants four pages of its own below 4 GiB.</summary>
    public void PlaceTss(ulong address)
    {
        ulong identityMap = address - GuestMemory.PageSize;
        KvmError.Check(
            Libc.Ioctl(handle.Descriptor, KvmIoctl.SetIdentityMapAddr, (nint)(&identityMap)), "KVM_SET_IDENTITY_MAP_ADDR");
        KvmError.Check(Libc.Ioctl(handle.Descriptor, KvmIoctl.SetTssAddr, (nint)address), "KVM_SET_TSS_ADDR");
    }

    /// <summary>KVM_CREATE_IRQCHIP.</summary>
    public void CreateIrqchip() =>
        KvmError.Check(Libc.Ioctl(handle.Descriptor, KvmIoctl.CreateIrqchip, 0), "KVM_CREATE_IRQCHIP");

    /// <summary>KVM_SET_USER_MEMORY_REGION.</summary>
    /// <param name="slot">Slot; one that is taken already changes its flags alone.</param>
    /// <param name="region">What is there.</param>
    /// <param name="logWrites">Whether the kernel notes what is written (RAM only).</param>
    public void SetMemory(uint slot, MemoryRegion region, bool logWrites)
    {
        KvmMemoryRegion value = new()
        {
            Slot = slot,
            Flags = region.IsReadOnly ? KvmFlags.MemReadOnly : logWrites ? KvmFlags.MemLogDirtyPages : 0,
            GuestPhysicalAddress = region.GuestAddress,
            MemorySize = region.Length,
            UserspaceAddress = (ulong)region.HostAddress,
        };
        KvmError.Check(
            Libc.Ioctl(handle.Descriptor, KvmIoctl.SetUserMemoryRegion, (nint)(&value)), "KVM_SET_USER_MEMORY_REGION");
    }

    /// <summary>KVM_GET_DIRTY_LOG: copies a slot's bitmap and clears it.</summary>
    /// <param name="slot">A slot with logging on.</param>
    /// <param name="bitmap">Room for the slot's pages, rounded up to 64.</param>
    public void GetDirtyLog(uint slot, Span<ulong> bitmap)
    {
        // Safe: the kernel writes no more than the slot's pages rounded up to 64, and the caller has that much.
        fixed (ulong* words = bitmap)
        {
            KvmDirtyLog log = new() { Slot = slot, Bitmap = (ulong)words };
            KvmError.Check(Libc.Ioctl(handle.Descriptor, KvmIoctl.GetDirtyLog, (nint)(&log)), "KVM_GET_DIRTY_LOG");
        }
    }

    /// <summary>KVM_SIGNAL_MSI.</summary>
    /// <returns>True when a local APIC took it.</returns>
    public bool SignalMsi(uint addressLow, uint data)
    {
        KvmMsi msi = new() { AddressLow = addressLow, Data = data };
        return Libc.Ioctl(handle.Descriptor, KvmIoctl.SignalMsi, (nint)(&msi)) > 0;
    }

    /// <summary>KVM_XEN_HVM_CONFIG with the hypercall intercept.</summary>
    /// <returns>False where the kernel has none.</returns>
    public bool TryInterceptXenHypercalls()
    {
        KvmXenHvmConfig config = new() { Flags = KvmFlags.XenInterceptHypercall };
        return Libc.Ioctl(handle.Descriptor, KvmIoctl.XenHvmConfig, (nint)(&config)) >= 0;
    }

    /// <summary>KVM_CREATE_VCPU.</summary>
    public KvmVcpu CreateVcpu(int index)
    {
        KvmHandle vcpu = new(KvmError.Check(
            Libc.Ioctl(handle.Descriptor, KvmIoctl.CreateVcpu, index), $"KVM_CREATE_VCPU {index}"));
        try
        {
            return new KvmVcpu(vcpu, vcpuMmapSize);
        }
        catch
        {
            vcpu.Dispose();
            throw;
        }
    }

    public void Dispose() => handle.Dispose();
}
