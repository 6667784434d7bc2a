namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Conversions between the formats and integers.</summary>
internal ref partial struct FloatUnit
{
    public ulong FromInteger(long value, bool wide)
    {
        if (value == 0)
        {
            return 0;
        }

        return Round(value < 0, 0, value < 0 ? 0UL - (ulong)value : (ulong)value, sticky: false, wide);
    }

    /// <summary>An integer of 32 or 64 bits; the most negative one where it does not fit.</summary>
    /// <param name="bits">The number.</param>
    /// <param name="wide">Whether it is a double.</param>
    /// <param name="size">Bytes of the integer.</param>
    /// <param name="truncates">Whether to round towards zero whatever MXCSR says.</param>
    public ulong ToInteger(ulong bits, bool wide, int size, bool truncates)
    {
        ulong indefinite = 1UL << ((size * 8) - 1);
        bits = Take(bits, wide);
        if (IsZero(bits, wide))
        {
            return 0;
        }

        if (IsNan(bits, wide) || IsInfinite(bits, wide))
        {
            RaisedBefore |= Invalid;
            return indefinite;
        }

        Number x = Unpack(bits, wide);
        if (x.Exponent > 0)
        {
            RaisedBefore |= Invalid;
            return indefinite;
        }

        bool inexact;
        UInt128 magnitude;
        if (truncates)
        {
            magnitude = x.Exponent > -64 ? x.Significand >> -x.Exponent : 0;
            inexact = x.Exponent <= -64 || (ulong)magnitude << -x.Exponent != x.Significand;
        }
        else
        {
            magnitude = Shift(x.Significand, -x.Exponent, sticky: false, x.IsNegative, out inexact);
        }

        if (magnitude > (x.IsNegative ? indefinite : indefinite - 1))
        {
            RaisedBefore |= Invalid;
            return indefinite;
        }

        RaisedAfter |= inexact ? Precision : 0;
        ulong value = (ulong)magnitude;
        return x.IsNegative ? 0UL - value : value;
    }

    public ulong Widen(ulong single)
    {
        single = Take(single, wide: false);
        ulong sign = (single & SignBit(wide: false)) << 32;
        if (IsNan(single, wide: false))
        {
            return sign | Infinity(wide: true) | ((Quiet(single, single, wide: false) & ((1UL << 23) - 1)) << 29);
        }

        if (IsInfinite(single, wide: false))
        {
            return sign | Infinity(wide: true);
        }

        NoteDenormals(single, single, wide: false);
        if (IsZero(single, wide: false))
        {
            return sign;
        }

        Number x = Unpack(single, wide: false);
        return Round(x.IsNegative, x.Exponent, x.Significand, sticky: false, wide: true);
    }

    public ulong Narrow(ulong number)
    {
        number = Take(number, wide: true);
        ulong sign = (number & SignBit(wide: true)) >> 32;
        if (IsNan(number, wide: true))
        {
            return sign | Infinity(wide: false) | ((Quiet(number, number, wide: true) & ((1UL << 52) - 1)) >> 29);
        }

        if (IsInfinite(number, wide: true))
        {
            return sign | Infinity(wide: false);
        }

        NoteDenormals(number, number, wide: true);
        if (IsZero(number, wide: true))
        {
            return sign;
        }

        Number x = Unpack(number, wide: true);
        return Round(x.IsNegative, x.Exponent, x.Significand, sticky: false, wide: false);
    }
}
