using System.Numerics;
using System.Runtime.CompilerServices;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>
/// Lazy flags. An instruction leaves its result, sign-extended to 64 bits, and the carries out of each bit; the flags are worked out of
/// them when somebody asks. Any mix of flags can be written in the same form, so nobody has to ask which form holds.
/// </summary>
/// <remarks>
/// _carries: bit 63 is CF, bit 62 CF xor OF, bit 3 AF, bit 0 turns SF over, bits 15:8 are added to the byte whose parity is PF.
/// </remarks>
internal sealed partial class Cpu
{
    private const ulong TopCarries = 3UL << 62;
    private long _result;
    private ulong _carries;

    private bool CarryFlag
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (long)_carries < 0;
    }

    private bool ZeroFlag
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _result == 0;
    }

    private bool SignFlag => (((ulong)_result >> 63) ^ (_carries & 1)) != 0;

    private bool OverflowFlag => (long)(_carries ^ (_carries << 1)) < 0;

    private bool ParityFlag => (BitOperations.PopCount((uint)(byte)((ulong)_result ^ (_carries >> 8))) & 1) == 0;

    private bool AdjustFlag => (_carries & 8) != 0;

    private ulong CarryBit
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _carries >> 63;
    }

    private ulong ArithmeticFlags
    {
        get
        {
            ulong flags = CarryBit | ((_carries & 8) << 1) | (((_carries ^ (_carries << 1)) >> 63) << 11);
            flags |= ZeroFlag ? Flag.Zero : 0;
            flags |= SignFlag ? Flag.Sign : 0;
            return flags | (ParityFlag ? Flag.Parity : 0);
        }

        set
        {
            _result = (value & Flag.Zero) != 0 ? 0 : 0x100;
            ulong carry = value & 1;
            ulong carries = (carry << 63) | ((carry ^ ((value >> 11) & 1)) << 62) | ((value & Flag.Adjust) >> 1);
            carries |= (value >> 7) & 1;
            _carries = carries | ((value & Flag.Parity) != 0 ? 0UL : 0x100);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void FlagsOfAdd(ulong a, ulong b, ulong sum, int shift)
    {
        ulong carries = (a & b) | ((a | b) & ~sum);
        _result = (long)(sum << shift) >> shift;
        _carries = ((carries << shift) & TopCarries) | (carries & 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void FlagsOfSubtract(ulong a, ulong b, ulong difference, int shift)
    {
        ulong borrows = (~a & b) | (~(a ^ b) & difference);
        _result = (long)(difference << shift) >> shift;
        _carries = ((borrows << shift) & TopCarries) | (borrows & 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void FlagsOfLogic(ulong value, int shift)
    {
        _result = (long)(value << shift) >> shift;
        _carries = 0;
    }

    // Puts CF back after FlagsOfAdd or FlagsOfSubtract: INC and DEC leave it alone.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void KeepCarry(ulong carry)
    {
        ulong overflow = (_carries ^ (_carries << 1)) >> 63;
        _carries = (_carries & 8) | (carry << 63) | ((carry ^ overflow) << 62);
    }

    private void SetCarryAndOverflow(ulong carry, ulong overflow) =>
        _carries = (_carries & ~TopCarries) | (carry << 63) | ((carry ^ overflow) << 62);

    private void SetCarry(bool carry) => SetCarryAndOverflow(carry ? 1UL : 0, OverflowFlag ? 1UL : 0);

    private void SetZeroOnly(bool zero) => ArithmeticFlags = (ArithmeticFlags & ~Flag.Zero) | (zero ? Flag.Zero : 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Condition(int code)
    {
        bool holds = (code >> 1) switch
        {
            0 => OverflowFlag,
            1 => CarryFlag,
            2 => ZeroFlag,
            3 => CarryFlag || ZeroFlag,
            4 => SignFlag,
            5 => ParityFlag,
            6 => SignFlag != OverflowFlag,
            _ => ZeroFlag || SignFlag != OverflowFlag,
        };
        return holds != ((code & 1) != 0);
    }

    /// <summary>All of RFLAGS.</summary>
    private ulong Rflags
    {
        get => (R.Guest.Rflags & ~Flag.Arithmetic) | ArithmeticFlags;
        set
        {
            R.Guest.Rflags = value;
            ArithmeticFlags = value;
            ModeOfRunningChanged();
        }
    }
}
