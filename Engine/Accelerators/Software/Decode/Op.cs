using System.Runtime.InteropServices;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>One decoded instruction: what to do and where its operands are, nothing left to look up.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Op
{
    public const byte InRegister = 0;
    public const byte InMemory = 1;
    public const byte Immediate = 2;

    /// <summary>Address is the plain sum (64-bit mode without segment base).</summary>
    public const byte AddressPlain = 0;

    /// <summary>64-bit mode with FS, GS or 32-bit addresses.</summary>
    public const byte AddressLong = 1;

    /// <summary>Segment with a limit.</summary>
    public const byte AddressLegacy = 2;

    public OpCode Code;

    /// <summary>Bytes of the operation: 1, 2, 4 or 8.</summary>
    public byte Size;

    /// <summary>Bytes of the source where they differ (MOVZX), else <see cref="Size"/>.</summary>
    public byte SourceSize;

    /// <summary>Where the first operand is.</summary>
    public byte To;

    /// <summary>Where the second operand is.</summary>
    public byte From;

    /// <summary>64 less the bits of the operation.</summary>
    public byte Shift;

    /// <summary>How the address is made.</summary>
    public byte Address;

    /// <summary>Bytes of an address: 2, 4 or 8.</summary>
    public byte AddressSize;

    /// <summary>Shift of the index register.</summary>
    public byte Scale;

    /// <summary>Segment of the memory operand.</summary>
    public byte Segment;

    public OpFlags Flags;

    /// <summary>Register of the first operand, as an offset.</summary>
    public short Target;

    /// <summary>Register of the second operand.</summary>
    public short Source;

    /// <summary>Register of a third operand (SHLD, BMI), or condition of Jcc, SETcc, CMOVcc.</summary>
    public short Third;

    /// <summary>Base register of the memory operand.</summary>
    public short Base;

    /// <summary>Index register of the memory operand.</summary>
    public short Index;

    /// <summary>Offset of the instruction from the block's start.</summary>
    public ushort Start;

    /// <summary>Offset of the next instruction.</summary>
    public ushort Next;

    public long Displacement;

    /// <summary>Immediate; of near branches the target's distance from the block's start.</summary>
    public long Value;
}
