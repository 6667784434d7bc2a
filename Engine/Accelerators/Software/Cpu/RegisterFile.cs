using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>
/// The contract's registers, and two more behind them that make every address the same sum: one that is always zero, and the start of
/// the block at hand. Decoded operands name a register by its offset in bytes, so that AH is RAX's offset and one.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RegisterFile
{
    public const int Rax = 0;
    public const int Rbx = 8;
    public const int Rcx = 16;
    public const int Rdx = 24;
    public const int Rsi = 32;
    public const int Rdi = 40;
    public const int Rsp = 48;
    public const int Rbp = 56;
    public const int R11 = 88;
    public const int Zero = 18 * 8;
    public const int BlockStart = 19 * 8;

    public GuestRegisters Guest;
    private readonly ulong _zero;
    public ulong Block;

    // An eight-byte read at AH's offset of the last register stays inside.
    private readonly ulong _tail;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Get64(int offset) =>
        Unsafe.ReadUnaligned<ulong>(ref Unsafe.AddByteOffset(ref Unsafe.As<GuestRegisters, byte>(ref Guest), (nint)offset));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Set64(int offset, ulong value) =>
        Unsafe.WriteUnaligned(ref Unsafe.AddByteOffset(ref Unsafe.As<GuestRegisters, byte>(ref Guest), (nint)offset), value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Get32(int offset) => (uint)Get64(offset);

    /// <summary>Writes 1, 2, 4 (the upper half becomes zero) or 8 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Set(int offset, int size, ulong value)
    {
        ref byte at = ref Unsafe.AddByteOffset(ref Unsafe.As<GuestRegisters, byte>(ref Guest), (nint)offset);
        switch (size)
        {
            case 8:
                Unsafe.WriteUnaligned(ref at, value);
                break;
            case 4:
                Unsafe.WriteUnaligned(ref at, (ulong)(uint)value);
                break;
            case 2:
                Unsafe.WriteUnaligned(ref at, (ushort)value);
                break;
            default:
                at = (byte)value;
                break;
        }
    }
}
