using System.Buffers.Binary;

namespace Hyperpatch.Engine.Guests.Images;

/// <summary>What a long-mode image's default handlers wrote down about a processor's latest exception.</summary>
/// <param name="Vector">0 to 31; <see cref="Unexpected"/> for an interrupt that nobody asked for.</param>
/// <param name="Count">How many there were on this processor; 0: none, the rest means nothing.</param>
/// <param name="ErrorCode">Error code, 0 for exceptions without.</param>
/// <param name="Rip">RIP of the frame.</param>
/// <param name="Cr2">CR2, whatever the vector.</param>
/// <param name="Rsp">RSP of the frame.</param>
/// <param name="Cs">CS of the frame.</param>
/// <param name="Rflags">RFLAGS of the frame, low 32 bits.</param>
internal readonly record struct ExceptionRecord(
    uint Vector, uint Count, ulong ErrorCode, ulong Rip, ulong Cr2, ulong Rsp, uint Cs, uint Rflags)
{
    /// <summary>Vector of interrupts without a handler.</summary>
    public const uint Unexpected = 32;

    /// <summary>Bytes of a record in guest memory.</summary>
    public const int Size = 64;

    internal const int VectorOffset = 0;
    internal const int CountOffset = 4;
    internal const int ErrorOffset = 8;
    internal const int RipOffset = 16;
    internal const int Cr2Offset = 24;
    internal const int RspOffset = 32;
    internal const int CsOffset = 40;
    internal const int RflagsOffset = 44;

    // Where the handler goes on instead of ending the machine, and with which RSP; 0: it ends the machine.
    internal const int ResumeRipOffset = 48;
    internal const int ResumeRspOffset = 56;

    /// <summary>Guest-physical address of a processor's record.</summary>
    /// <param name="processor">Index.</param>
    public static ulong AddressOf(int processor) => LongModeLayout.ExceptionRecords + ((ulong)processor * Size);

    /// <summary>Reads a record.</summary>
    /// <param name="bytes">Its bytes, at least <see cref="Size"/>.</param>
    public static ExceptionRecord Read(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[VectorOffset..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[CountOffset..]),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[ErrorOffset..]),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[RipOffset..]),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[Cr2Offset..]),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[RspOffset..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[CsOffset..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[RflagsOffset..]));
}
