using System.Numerics;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>
/// Binary floating point as MXCSR asks for it: exact in integers, then rounded once. That gives every flag and every rounding mode
/// without the host's own MXCSR, which managed code cannot reach. Numbers are passed as their bits; single ones in the lower half.
/// </summary>
internal ref partial struct FloatUnit(uint control)
{
    public const uint Invalid = 1, Denormal = 2, DivideByZero = 4, Overflow = 8, Underflow = 16, Precision = 32, AllFlags = 63;
    private const uint DenormalsAreZero = 1 << 6, FlushToZero = 1 << 15;
    private const int MaskShift = 7, RoundShift = 13;
    private const int Nearest = 0, Down = 1, Up = 2, Chop = 3;

    /// <summary>MXCSR as it was.</summary>
    public readonly uint Control = control;

    /// <summary>Flags that were raised before any result was computed; hardware stops there when one of them is unmasked.</summary>
    public uint RaisedBefore;

    /// <summary>Flags that rounding raised.</summary>
    public uint RaisedAfter;

    /// <summary>Host arithmetic differs in nothing: round to nearest, and the only flag it can raise for ordinary numbers is set and masked.</summary>
    private readonly bool _isPlain = (control & (3u << RoundShift)) == 0 && (control & (Precision << MaskShift)) != 0 && (control & Precision) != 0;

    private readonly int Rounding => (int)(Control >> RoundShift) & 3;

    /// <summary>A finite number other than zero: bit 63 of the significand is set.</summary>
    private readonly record struct Number(bool IsNegative, int Exponent, ulong Significand);

    private static int FractionBits(bool wide) => wide ? 52 : 23;

    private static int ExponentMask(bool wide) => wide ? 0x7FF : 0xFF;

    private static ulong SignBit(bool wide) => wide ? 1UL << 63 : 1UL << 31;

    private static ulong Infinity(bool wide) => wide ? 0x7FFUL << 52 : 0xFFUL << 23;

    private static ulong QuietBit(bool wide) => wide ? 1UL << 51 : 1UL << 22;

    private static ulong DefaultNan(bool wide) => SignBit(wide) | Infinity(wide) | QuietBit(wide);

    private static bool IsNan(ulong bits, bool wide) => (bits & ~SignBit(wide)) > Infinity(wide);

    private static bool IsSignalling(ulong bits, bool wide) => IsNan(bits, wide) && (bits & QuietBit(wide)) == 0;

    private static bool IsInfinite(ulong bits, bool wide) => (bits & ~SignBit(wide)) == Infinity(wide);

    private static bool IsZero(ulong bits, bool wide) => (bits & ~SignBit(wide)) == 0;

    private static bool IsNegative(ulong bits, bool wide) => (bits & SignBit(wide)) != 0;

    private static bool IsDenormal(ulong bits, bool wide) => (bits & Infinity(wide)) == 0 && !IsZero(bits, wide);

    // With a margin to both sides, so that neither rounding nor tininess is near.
    private static bool IsOrdinary(ulong bits, bool wide)
    {
        int exponent = (int)(bits >> FractionBits(wide)) & ExponentMask(wide);
        return exponent >= 2 && exponent < ExponentMask(wide) - 1;
    }

    // Denormals as zeros, where they are to be.
    private readonly ulong Take(ulong bits, bool wide) =>
        (Control & DenormalsAreZero) != 0 && IsDenormal(bits, wide) ? bits & SignBit(wide) : bits;

    private static Number Unpack(ulong bits, bool wide)
    {
        int fraction = FractionBits(wide);
        int exponent = (int)(bits >> fraction) & ExponentMask(wide);
        ulong significand = bits & ((1UL << fraction) - 1);
        if (exponent == 0)
        {
            exponent = 1;
        }
        else
        {
            significand |= 1UL << fraction;
        }

        int shift = BitOperations.LeadingZeroCount(significand);
        return new Number(IsNegative(bits, wide), exponent - (ExponentMask(wide) >> 1) - fraction - shift, significand << shift);
    }

    // The significand's lower bits go away as the mode says. Sticky: there is something below the significand.
    private readonly UInt128 Shift(UInt128 significand, int shift, bool sticky, bool negative, out bool inexact)
    {
        if (shift <= 0)
        {
            inexact = sticky;
            return significand << -shift;
        }

        if (shift > 127)
        {
            // Less than half of a unit, however much.
            sticky |= significand != UInt128.Zero;
            significand = UInt128.Zero;
            shift = 127;
        }

        UInt128 quotient = significand >> shift;
        UInt128 rest = significand - (quotient << shift);
        UInt128 half = UInt128.One << (shift - 1);
        inexact = sticky || rest != UInt128.Zero;
        bool away = Rounding switch
        {
            Nearest => rest > half || (rest == half && (sticky || ((ulong)quotient & 1) != 0)),
            Down => negative && inexact,
            Up => !negative && inexact,
            _ => false,
        };
        return away ? quotient + UInt128.One : quotient;
    }

    // The number of the format for significand * 2^exponent; significands are below 2^127.
    private ulong Round(bool negative, int exponent, UInt128 significand, bool sticky, bool wide)
    {
        int fraction = FractionBits(wide), bias = ExponentMask(wide) >> 1;
        ulong sign = negative ? SignBit(wide) : 0;
        int length = 128 - (int)UInt128.LeadingZeroCount(significand);
        int shift = length - fraction - 1;
        ulong rounded = (ulong)Shift(significand, shift, sticky, negative, out bool inexact);
        int biased = exponent + length - 1 + bias;
        if (rounded >> (fraction + 1) != 0)
        {
            rounded >>= 1;
            biased++;
        }

        if (biased <= 0)
        {
            // Tiny, as it is after rounding without a bound to the exponent.
            if ((Control & (Underflow << MaskShift)) == 0)
            {
                RaisedAfter |= Underflow | (inexact ? Precision : 0);
                return sign;
            }

            if ((Control & FlushToZero) != 0)
            {
                RaisedAfter |= Underflow | Precision;
                return sign;
            }

            int lost = 1 - bias - fraction - exponent;
            rounded = (ulong)Shift(significand, lost, sticky, negative, out inexact);
            RaisedAfter |= inexact ? Underflow | Precision : 0;
            return sign | rounded;
        }

        if (biased >= ExponentMask(wide))
        {
            RaisedAfter |= Overflow;
            if (inexact || (Control & (Overflow << MaskShift)) != 0)
            {
                RaisedAfter |= Precision;
            }

            bool toInfinity = Rounding == Nearest || Rounding == (negative ? Down : Up);
            return sign | (toInfinity ? Infinity(wide) : Infinity(wide) - 1);
        }

        RaisedAfter |= inexact ? Precision : 0;
        return sign | ((ulong)biased << fraction) | (rounded & ((1UL << fraction) - 1));
    }

    // The result when an operand is NaN: the first that is, made quiet.
    private ulong Quiet(ulong a, ulong b, bool wide)
    {
        if (IsSignalling(a, wide) || IsSignalling(b, wide))
        {
            RaisedBefore |= Invalid;
        }

        return (IsNan(a, wide) ? a : b) | QuietBit(wide);
    }

    private ulong InvalidOperation(bool wide)
    {
        RaisedBefore |= Invalid;
        return DefaultNan(wide);
    }

    private void NoteDenormals(ulong a, ulong b, bool wide)
    {
        if (IsDenormal(a, wide) || IsDenormal(b, wide))
        {
            RaisedBefore |= Denormal;
        }
    }
}
