using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Hyperpatch.Engine.Accelerators.Kvm.Native;

namespace Hyperpatch.Engine.Accelerators.Kvm.Descriptors;

/// <summary>A vCPU's file descriptor and its shared page.</summary>
internal sealed unsafe class KvmVcpu : IDisposable
{
    private const int ProtReadWrite = 3;
    private const int MapShared = 1;
    private readonly KvmHandle _handle;
    private readonly int _descriptor;
    private readonly nuint _runSize;

    public KvmVcpu(KvmHandle handle, int mmapSize)
    {
        _handle = handle;
        _descriptor = handle.Descriptor;
        _runSize = (nuint)mmapSize;
        nint page = Libc.Mmap(0, _runSize, ProtReadWrite, MapShared, _descriptor, 0);
        if (page == -1)
        {
            throw KvmError.Make("mmap of a vCPU", Marshal.GetLastPInvokeError());
        }

        Page = (KvmRun*)page;
    }

    /// <summary>The shared page, valid until <see cref="Dispose"/>.</summary>
    public KvmRun* Page { get; private set; }

    /// <summary>KVM_RUN.</summary>
    /// <returns>0, or the errno.</returns>
    public int Run() => Libc.Ioctl(_descriptor, KvmIoctl.Run, 0) >= 0 ? 0 : Marshal.GetLastPInvokeError();

    /// <summary>KVM_SET_SIGNAL_MASK: the mask in force while the guest runs.</summary>
    public void SetSignalMask(ulong mask)
    {
        // struct kvm_signal_mask: u32 length, then the kernel's 8-byte set right behind it.
        byte* buffer = stackalloc byte[12];
        *(uint*)buffer = 8;
        Marshal.WriteInt64((nint)buffer, 4, (long)mask);
        Check(KvmIoctl.SetSignalMask, buffer, "KVM_SET_SIGNAL_MASK");
    }

    public void SetCpuid(ReadOnlySpan<KvmCpuidEntry> entries)
    {
        byte[] buffer = new byte[8 + (entries.Length * sizeof(KvmCpuidEntry))];
        MemoryMarshal.Write(buffer, entries.Length);
        entries.CopyTo(MemoryMarshal.Cast<byte, KvmCpuidEntry>(buffer.AsSpan(8)));
        fixed (byte* pointer = buffer)
        {
            Check(KvmIoctl.SetCpuid2, pointer, "KVM_SET_CPUID2");
        }
    }

    public void GetRegisters(out GuestRegisters value) => Get(KvmIoctl.GetRegs, out value, "KVM_GET_REGS");

    public void SetRegisters(in GuestRegisters value) => Set(KvmIoctl.SetRegs, value, "KVM_SET_REGS");

    public void GetSregs(out KvmSregs value) => Get(KvmIoctl.GetSregs, out value, "KVM_GET_SREGS");

    public void SetSregs(in KvmSregs value) => Set(KvmIoctl.SetSregs, value, "KVM_SET_SREGS");

    public void GetEvents(out KvmVcpuEvents value) => Get(KvmIoctl.GetVcpuEvents, out value, "KVM_GET_VCPU_EVENTS");

    public void SetEvents(in KvmVcpuEvents value) => Set(KvmIoctl.SetVcpuEvents, value, "KVM_SET_VCPU_EVENTS");

    public void GetDebugRegs(out KvmDebugRegs value) => Get(KvmIoctl.GetDebugRegs, out value, "KVM_GET_DEBUGREGS");

    public void SetDebugRegs(in KvmDebugRegs value) => Set(KvmIoctl.SetDebugRegs, value, "KVM_SET_DEBUGREGS");

    public void SetGuestDebug(in KvmGuestDebug value) => Set(KvmIoctl.SetGuestDebug, value, "KVM_SET_GUEST_DEBUG");

    public uint GetMpState()
    {
        Get(KvmIoctl.GetMpState, out uint value, "KVM_GET_MP_STATE");
        return value;
    }

    public void SetMpState(uint value) => Set(KvmIoctl.SetMpState, value, "KVM_SET_MP_STATE");

    /// <summary>Reads a block of a size that only the kernel's headers fix (local APIC, XSAVE, XCRs).</summary>
    public ImmutableArray<byte> GetBlock(uint request, int size, string operation)
    {
        byte[] buffer = new byte[size];
        fixed (byte* pointer = buffer)
        {
            Check(request, pointer, operation);
        }

        return ImmutableCollectionsMarshal.AsImmutableArray(buffer);
    }

    /// <summary>Writes such a block.</summary>
    public void SetBlock(uint request, ReadOnlySpan<byte> block, string operation)
    {
        fixed (byte* pointer = block)
        {
            Check(request, pointer, operation);
        }
    }

    /// <summary>KVM_GET_MSRS.</summary>
    /// <returns>How many were read before the first that the kernel refuses.</returns>
    public int GetMsrs(Span<KvmMsrEntry> entries) => Msrs(KvmIoctl.GetMsrs, entries);

    /// <summary>KVM_SET_MSRS.</summary>
    /// <returns>How many were written before the first that the kernel refuses.</returns>
    public int SetMsrs(Span<KvmMsrEntry> entries) => Msrs(KvmIoctl.SetMsrs, entries);

    /// <summary>KVM_GET_MSRS for one register in a buffer of the caller (struct kvm_msrs with one entry).</summary>
    public bool TryGetMsr(byte* request) => Libc.Ioctl(_descriptor, KvmIoctl.GetMsrs, (nint)request) == 1;

    public KvmStatistics? OpenStatistics() => KvmStatistics.TryOpen(_descriptor);

    public void Dispose()
    {
        if (Page != null)
        {
            _ = Libc.Munmap((nint)Page, _runSize);
            Page = null;
        }

        _handle.Dispose();
    }

    private int Msrs(uint request, Span<KvmMsrEntry> entries)
    {
        byte[] buffer = new byte[8 + (entries.Length * sizeof(KvmMsrEntry))];
        MemoryMarshal.Write(buffer, entries.Length);
        Span<KvmMsrEntry> inside = MemoryMarshal.Cast<byte, KvmMsrEntry>(buffer.AsSpan(8));
        entries.CopyTo(inside);
        int count;
        fixed (byte* pointer = buffer)
        {
            count = Math.Max(0, Libc.Ioctl(_descriptor, request, (nint)pointer));
        }

        inside.CopyTo(entries);
        return count;
    }

    private void Get<T>(uint request, out T value, string operation)
        where T : unmanaged
    {
        // Safe: T has the size that the request number states (held by a test), and value lives on the caller's stack.
        T local = default;
        Check(request, &local, operation);
        value = local;
    }

    private void Set<T>(uint request, in T value, string operation)
        where T : unmanaged
    {
        T local = value;
        Check(request, &local, operation);
    }

    private void Check(uint request, void* argument, string operation) =>
        KvmError.Check(Libc.Ioctl(_descriptor, request, (nint)argument), operation);
}
