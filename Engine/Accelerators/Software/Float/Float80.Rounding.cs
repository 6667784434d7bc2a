namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Rounding of exact results to a format.</summary>
internal readonly partial struct Float80
{
    private const int WrapDistance = 24576;

    // The number is significand / 2^127 * 2^exponent (biased as the format has it), the lowest bit stands for all below it.
    // Leaves the exponent that is to be stored; the answer is the significand, from the top.
    private static ulong Round(bool sign, ref int exponent, UInt128 significand, int bits, int most, ref FloatContext c)
    {
        ulong rounded = Cut(sign, significand, bits, c.Rounding, out bool inexact, out bool up, out bool carry);
        if (exponent <= 0)
        {
            // Tiny is what would be even with its exponent not bounded, and after rounding.
            bool tiny = exponent < 0 || !carry;
            if (tiny && !c.IsMasked(FloatContext.Underflow))
            {
                c.Flags |= FloatContext.Underflow;
                exponent += WrapDistance + (carry ? 1 : 0);
                Note(inexact, up, ref c);
                return rounded;
            }
            else
            {
                int shift = 1 - exponent;
                rounded = Cut(sign, ShiftRight(significand, shift), bits, c.Rounding, out inexact, out up, out carry);
                exponent = carry || (rounded & IntegerBit) != 0 ? 1 : 0;
                Note(inexact, up, ref c);
                c.Flags |= tiny && inexact ? FloatContext.Underflow : 0;
                return rounded;
            }
        }

        if (carry)
        {
            exponent++;
        }

        if (exponent >= most)
        {
            c.Flags |= FloatContext.Overflow;
            if (c.IsMasked(FloatContext.Overflow))
            {
                bool toInfinity = c.Rounding switch
                {
                    FloatContext.Nearest => true,
                    FloatContext.Down => sign,
                    FloatContext.Up => !sign,
                    _ => false,
                };
                Note(true, toInfinity, ref c);
                exponent = toInfinity ? most : most - 1;
                return toInfinity ? IntegerBit : ulong.MaxValue << (64 - bits);
            }

            exponent -= WrapDistance;
        }

        Note(inexact, up, ref c);
        return rounded;
    }

    private static Float80 RoundToRegister(bool sign, int exponent, UInt128 significand, int bits, ref FloatContext c)
    {
        ulong rounded = Round(sign, ref exponent, significand, bits, MostExponent, ref c);
        return Make(sign, exponent, rounded);
    }

    private static void Note(bool inexact, bool up, ref FloatContext c)
    {
        c.Flags |= inexact ? FloatContext.Inexact : 0;
        c.Flags |= up ? FloatContext.RoundedUp : 0;
    }

    private static ulong Cut(
        bool sign, UInt128 significand, int bits, int rounding, out bool inexact, out bool up, out bool carry)
    {
        int shift = 128 - bits;
        UInt128 below = significand << bits;
        UInt128 half = (UInt128)1 << 127;
        ulong kept = (ulong)(significand >> shift);
        inexact = below != 0;
        up = rounding switch
        {
            FloatContext.Nearest => below > half || (below == half && (kept & 1) != 0),
            FloatContext.Down => sign && inexact,
            FloatContext.Up => !sign && inexact,
            _ => false,
        };
        carry = false;
        ulong result = kept << (64 - bits);
        if (up)
        {
            result += 1UL << (64 - bits);
            if (result == 0)
            {
                carry = true;
                result = IntegerBit;
            }
        }

        return result;
    }

    // What falls out at the bottom stays visible in the lowest bit.
    private static UInt128 ShiftRight(UInt128 value, int shift)
    {
        if (shift <= 0)
        {
            return value;
        }

        if (shift > 127)
        {
            return value != 0 ? (UInt128)1 : 0;
        }

        UInt128 result = value >> shift;
        return result << shift != value ? result | 1 : result;
    }
}
