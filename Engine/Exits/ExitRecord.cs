using System.Runtime.InteropServices;
using Hyperpatch.Engine.Interception;

namespace Hyperpatch.Engine.Exits;

/// <summary>One handled exit, as the journal keeps it: fixed size, no references.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct ExitRecord
{
    /// <summary>Number in the machine's history, from 1; given when the record is taken from its processor's ring.</summary>
    public long Sequence;

    /// <summary>When the exit reached the host, in ticks of <see cref="System.Diagnostics.Stopwatch"/>.</summary>
    public long Timestamp;

    /// <summary>The machine's own time in nanoseconds, in a deterministic machine; 0 in others.</summary>
    public ulong MachineTime;

    /// <summary>How long the host handled it, in nanoseconds.</summary>
    public uint DurationNanoseconds;

    /// <summary>Number of the vendor switch under which it happened, from 0.</summary>
    public uint Epoch;

    /// <summary>Instruction pointer at the exit.</summary>
    public ulong Rip;

    /// <summary>Linear address of the instruction (CS base plus RIP), for #UD, hypercalls and breakpoints.</summary>
    public ulong Linear;

    /// <summary>Hypercall: number. #UD to the guest: the instruction's <see cref="Iced.Intel.Mnemonic"/>. Port I/O: first value. MMIO: address. MSR: index. Control register: number. Failure: code.</summary>
    public ulong Value0;

    /// <summary>Hypercall: first argument. Port I/O: elements. MMIO: value. MSR, control register: value. #UD to the guest: 1 where only the back end does not know the instruction.</summary>
    public ulong Value1;

    /// <summary>Hypercall: second argument.</summary>
    public ulong Value2;

    /// <summary>Hypercall: third argument.</summary>
    public ulong Value3;

    /// <summary>Hypercall: fourth argument.</summary>
    public ulong Value4;

    /// <summary>Hypercall: result.</summary>
    public ulong Result;

    /// <summary>Bytes of an instruction that a record holds at most.</summary>
    public const int MaximumBytes = 7;

    /// <summary>#UD and hypercalls: the instruction's bytes as fetched, lowest byte first; of a longer hypercall the last seven.</summary>
    public ulong Bytes;

    /// <summary>Processor index.</summary>
    public ushort Processor;

    /// <summary>Port I/O: port.</summary>
    public ushort Port;

    /// <summary>Why.</summary>
    public ExitReason Reason;

    /// <summary>Index of the vendor in <see cref="Vendors.CpuVendor.All"/>.</summary>
    public byte Vendor;

    /// <summary>Policy in force (#UD on a hypercall instruction).</summary>
    public PatchPolicy Policy;

    /// <summary>What was done (#UD and hypercalls).</summary>
    public InterceptionOutcome Outcome;

    /// <summary>How many bytes <see cref="Bytes"/> holds; 0 when the instruction could not be fetched.</summary>
    public byte Length;

    /// <summary>Index of the patched byte in <see cref="Bytes"/>.</summary>
    public byte PatchOffset;

    /// <summary>The patched byte before.</summary>
    public byte Before;

    /// <summary>The patched byte after.</summary>
    public byte After;

    /// <summary>Port I/O, MMIO: bytes an element.</summary>
    public byte Size;

    /// <summary>Port I/O, MMIO, control register: the guest wrote.</summary>
    public bool IsWrite;

    /// <summary>Privilege level.</summary>
    public byte Cpl;
}
