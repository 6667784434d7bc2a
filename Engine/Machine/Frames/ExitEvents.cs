using System.Globalization;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Hypercalls;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Machine.Frames;

/// <summary>Turns journal records into what people and programs read. Not on a processor's thread.</summary>
public static class ExitEvents
{
    /// <summary>Hexadecimal with 0x.</summary>
    /// <param name="value">The value.</param>
    public static string Hex(ulong value) => "0x" + value.ToString("X", CultureInfo.InvariantCulture);

    /// <summary>Bytes as people write them: two digits each, blanks between.</summary>
    /// <param name="packed">Bytes, lowest first.</param>
    /// <param name="length">How many, at most 8.</param>
    public static string Bytes(ulong packed, int length)
    {
        Span<byte> bytes = stackalloc byte[8];
        BitConverter.TryWriteBytes(bytes, packed);
        return Bytes(bytes[..Math.Clamp(length, 0, 8)]);
    }

    /// <summary>Bytes as people write them: two digits each, blanks between.</summary>
    /// <param name="bytes">The bytes.</param>
    public static string Bytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return string.Empty;
        }

        Span<char> text = stackalloc char[bytes.Length * 3];
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i].TryFormat(text[(i * 3)..], out _, "X2", CultureInfo.InvariantCulture);
            text[(i * 3) + 2] = ' ';
        }

        return new string(text[..^1]);
    }

    /// <summary>Name of an outcome as shown and in the API, such as <c>patched</c>.</summary>
    /// <param name="outcome">The outcome.</param>
    public static string Name(InterceptionOutcome outcome) => outcome switch
    {
        InterceptionOutcome.Served => "served",
        InterceptionOutcome.Patched => "patched",
        InterceptionOutcome.Emulated => "emulated",
        InterceptionOutcome.EmulatedReadOnly => "emulated-read-only",
        InterceptionOutcome.Injected => "injected",
        InterceptionOutcome.PageFault => "page-fault",
        InterceptionOutcome.InvalidOpcode => "invalid-opcode",
        InterceptionOutcome.FetchFault => "fetch-fault",
        InterceptionOutcome.LoopGuard => "loop-guard",
        _ => "none",
    };

    /// <summary>Describes a record.</summary>
    /// <param name="record">The record.</param>
    public static ExitEvent Describe(in ExitRecord record)
    {
        CpuVendor vendor = CpuVendor.All[record.Vendor];
        NativeExit native = record.Reason == ExitReason.ControlRegister
            ? vendor.ControlRegister((int)record.Value0, record.IsWrite)
            : record.Reason.Native(vendor);
        bool isInterception = record.Outcome != InterceptionOutcome.None;
        bool isCall = record.Outcome is InterceptionOutcome.Served or InterceptionOutcome.Emulated or InterceptionOutcome.EmulatedReadOnly;
        ulong patched = Patched(record);
        return new ExitEvent
        {
            Sequence = record.Sequence,
            At = MomentClock.Shared.ToUnixMs(record.Timestamp),
            Processor = record.Processor,
            Reason = record.Reason.Name(),
            NativeName = native.Name,
            NativeCode = native.Code,
            Vendor = vendor.Id,
            Rip = Hex(record.Rip),
            Detail = Detail(record, patched, isCall),
            DurationNs = record.DurationNanoseconds,
            Outcome = isInterception ? Name(record.Outcome) : null,
            Site = isInterception ? Hex(record.Linear) : null,
            Bytes = isInterception ? Bytes(record.Bytes, record.Length) : null,
            After = record.Outcome == InterceptionOutcome.Patched ? Bytes(patched, record.Length) : null,
            Policy = isInterception ? PolicyNames.Of(record.Policy) : null,
            Hypercall = isCall ? (long)record.Value0 : null,
            Arguments = isCall ? [Hex(record.Value1), Hex(record.Value2), Hex(record.Value3), Hex(record.Value4)] : null,
            Result = isCall ? Signed(record.Result) : null,
            Port = record.Reason == ExitReason.PortIo ? record.Port : null,
        };
    }

    /// <summary>A result as a signed number: 32-bit callers get theirs cut, so its sign is in bit 31.</summary>
    /// <param name="result">RAX.</param>
    public static long Signed(ulong result) => result <= uint.MaxValue ? (int)(uint)result : (long)result;

    // What the guest tried: the name of the instruction where it is one.
    private static string Instruction(in ExitRecord record)
    {
        string? name = record.Value0 == 0 ? null : ((Iced.Intel.Mnemonic)record.Value0).ToString().ToUpperInvariant();
        return name is null ? "no instruction"
            : record.Value1 != 0 ? $"{name}, which the processor in software does not have"
            : $"{name}, no hypercall";
    }

    private static ulong Patched(in ExitRecord record)
    {
        int shift = (record.PatchOffset & 7) * 8;
        return (record.Bytes & ~(0xFFUL << shift)) | ((ulong)record.After << shift);
    }

    private static string Detail(in ExitRecord record, ulong patched, bool isCall)
    {
        string bytes = Bytes(record.Bytes, record.Length);
        if (isCall)
        {
            string call = $"{HypercallNumber.Name(record.Value0)} ({(long)record.Value0}) = {Signed(record.Result)}";
            return record.Outcome == InterceptionOutcome.Served ? call : $"{bytes} served as it is: {call}";
        }

        return record.Outcome switch
        {
            InterceptionOutcome.Patched => $"{bytes} → {Bytes(patched, record.Length)}",
            InterceptionOutcome.Injected => $"{bytes}: #UD to the guest (policy inject)",
            InterceptionOutcome.PageFault => $"{bytes} in read-only text: #PF to the guest",
            InterceptionOutcome.InvalidOpcode => $"{bytes}: {Instruction(record)}, #UD to the guest",
            InterceptionOutcome.FetchFault => "instruction could not be fetched: #PF to the guest",
            InterceptionOutcome.LoopGuard => $"{bytes}: no progress, #UD to the guest",
            _ => record.Reason switch
            {
                ExitReason.PortIo => $"{(record.IsWrite ? "out" : "in")} {Hex(record.Port)}, {record.Size} byte(s): {Hex(record.Value0)}"
                    + (record.Value1 > 1 ? $" × {record.Value1}" : string.Empty),
                ExitReason.Mmio => $"{(record.IsWrite ? "write" : "read")} {record.Size} byte(s) at {Hex(record.Value0)}: {Hex(record.Value1)}",
                ExitReason.MsrRead => $"rdmsr {Hex(record.Value0)}: unknown, #GP to the guest",
                ExitReason.MsrWrite => $"wrmsr {Hex(record.Value0)} = {Hex(record.Value1)}: unknown, #GP to the guest",
                ExitReason.ControlRegister => record.IsWrite ? $"cr{record.Value0} = {Hex(record.Value1)}" : $"read cr{record.Value0}: {Hex(record.Value1)}",
                ExitReason.Breakpoint => $"at {Hex(record.Linear)}",
                ExitReason.Failure => $"code {record.Value0}, detail {Hex(record.Value1)}",
                _ => string.Empty,
            },
        };
    }
}
