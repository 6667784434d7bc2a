using System.Runtime.InteropServices;

namespace Hyperpatch.Engine.Accelerators.Kvm.Native;

/// <summary><c>struct kvm_run</c>: the page that a vCPU shares with the kernel. The exits' union is laid out flat.</summary>
[StructLayout(LayoutKind.Explicit, Size = 2352)]
internal struct KvmRun
{
    [FieldOffset(1)] public byte ImmediateExit;
    [FieldOffset(8)] public uint ExitReason;

    [FieldOffset(32)] public byte IoDirection;
    [FieldOffset(33)] public byte IoSize;
    [FieldOffset(34)] public ushort IoPort;
    [FieldOffset(36)] public uint IoCount;
    [FieldOffset(40)] public ulong IoDataOffset;

    [FieldOffset(32)] public ulong MmioAddress;
    [FieldOffset(40)] public ulong MmioData;
    [FieldOffset(48)] public uint MmioLength;
    [FieldOffset(52)] public byte MmioIsWrite;

    [FieldOffset(32)] public uint DebugException;
    [FieldOffset(40)] public ulong DebugPc;
    [FieldOffset(48)] public ulong DebugDr6;

    [FieldOffset(32)] public byte MsrError;
    [FieldOffset(44)] public uint MsrIndex;
    [FieldOffset(48)] public ulong MsrData;

    [FieldOffset(32)] public ulong FailEntryReason;
    [FieldOffset(32)] public uint InternalSuberror;
    [FieldOffset(32)] public uint SystemEventType;

    [FieldOffset(32)] public uint XenType;
    [FieldOffset(56)] public ulong XenResult;

    [FieldOffset(288)] public ulong ValidRegs;
    [FieldOffset(296)] public ulong DirtyRegs;
    [FieldOffset(304)] public GuestRegisters Registers;
    [FieldOffset(448)] public KvmSregs Sregs;
    [FieldOffset(760)] public KvmVcpuEvents Events;
}
