namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Transcendental functions: series in 128 bits, rounded once, so that results are within one unit of the last place.</summary>
internal readonly partial struct Float80
{
    private const int MostAngle = 63; // of arguments below two to this power the angle is found
    private static readonly WideFloat s_pi = WideFloat.Make(false, 1, new UInt128(0xC90F_DAA2_2168_C234, 0xC4C6_628B_80DC_1CD1));
    private static readonly WideFloat s_ln2 = WideFloat.Make(false, -1, new UInt128(0xB172_17F7_D1CF_79AB, 0xC9E3_B398_03F2_F6AF));
    private static readonly WideFloat s_log2E = WideFloat.Make(false, 0, new UInt128(0xB8AA_3B29_5C17_F0BB, 0xBE87_FED0_691D_3E88));

    // 2 / pi, from its lowest 64 of 256 bits on.
    private static readonly ulong[] s_twoByPi = [0xFE51_63AB_DEBB_C561, 0xDB62_9599_3C43_9041, 0xFC27_57D1_F534_DDC0, 0xA2F9_836E_4E44_1529];
    private static readonly WideFloat[] s_arcTangents = ArcTangentsOfEighths();

    /// <summary>Sine and cosine.</summary>
    /// <returns>False: the argument is out of range.</returns>
    public static bool TrySineAndCosine(Float80 a, out WideFloat sine, out WideFloat cosine)
    {
        sine = cosine = default;
        a.Normalize(out int exponent, out ulong significand);
        exponent -= Bias;
        if (exponent >= MostAngle)
        {
            return false;
        }

        WideFloat angle = WideFloat.Of(a).Absolute;
        int quadrant = exponent < -1 ? 0 : Reduce(significand, exponent, out angle);
        WideFloat square = angle * angle;
        WideFloat s = AlternatingSeries(angle, square, 2), c = AlternatingSeries(WideFloat.Of(1), square, 1);
        (sine, cosine) = quadrant switch
        {
            0 => (s, c),
            1 => (c, s.Negated),
            2 => (s.Negated, c.Negated),
            _ => (c.Negated, s),
        };
        sine = a.Sign ? sine.Negated : sine;
        return true;
    }

    /// <summary>Rounds what is not exact by nature.</summary>
    /// <param name="value">The value, cut off.</param>
    /// <param name="c">Context.</param>
    /// <param name="isBelow">Where it looks exact: whether the true value is nearer to zero.</param>
    public static Float80 RoundInexact(WideFloat value, ref FloatContext c, bool isBelow = false)
    {
        if (isBelow && (ulong)value.Significand == 0)
        {
            value = WideFloat.Make(value.Sign, value.Exponent, value.Significand - 1);
        }

        return RoundToRegister(value.Sign, value.Exponent + Bias, value.Significand | 1, WholePrecision, ref c);
    }

    /// <summary>2^a - 1 of finite numbers from -1 to 1.</summary>
    public static Float80 PowerLessOne(Float80 a, ref FloatContext c)
    {
        if (a.Exponent == Bias && a.Significand == IntegerBit)
        {
            return a.Sign ? Make(true, Bias - 1, IntegerBit) : a;
        }

        WideFloat x = WideFloat.Of(a) * s_ln2, term = x, sum = x;
        for (int n = 2; IsOfWeight(term, sum); n++)
        {
            term = term * x / n;
            sum += term;
        }

        return RoundInexact(sum, ref c);
    }

    /// <summary>y times the logarithm to base 2 of x, which is above zero.</summary>
    public static Float80 TimesLogarithm(Float80 y, WideFloat x, ref FloatContext c)
    {
        bool isPower = x.Significand == (UInt128)1 << 127;
        WideFloat product = WideFloat.Of(y) * Logarithm(x);
        return !isPower ? RoundInexact(product, ref c)
            : product.IsZero ? ZeroOf(y.Sign)
            : RoundToRegister(product.Sign, product.Exponent + Bias, product.Significand, WholePrecision, ref c);
    }

    /// <summary>y times the logarithm to base 2 of 1 + x, which is above zero and not one.</summary>
    public static Float80 TimesLogarithmOfOneMore(Float80 y, Float80 x, ref FloatContext c)
    {
        WideFloat wide = WideFloat.Of(x);
        if (wide.Exponent >= -2)
        {
            return TimesLogarithm(y, wide + WideFloat.Of(1), ref c);
        }

        return RoundInexact(WideFloat.Of(y) * AreaTangent(wide / (wide + WideFloat.Of(2))).Times(1) * s_log2E, ref c);
    }

    /// <summary>The angle of a point that is neither on an axis nor infinitely far.</summary>
    public static Float80 Angle(Float80 y, Float80 x, ref FloatContext c)
    {
        WideFloat height = WideFloat.Of(y).Absolute, width = WideFloat.Of(x).Absolute;
        bool isSteep = !(height - width).Sign;
        WideFloat angle = ArcTangent(isSteep ? width / height : height / width);
        angle = isSteep ? s_pi.Times(-1) - angle : angle;
        angle = x.Sign ? s_pi - angle : angle;
        return RoundInexact(y.Sign ? angle.Negated : angle, ref c, isBelow: true);
    }

    /// <summary>Some quarters of pi.</summary>
    public static Float80 QuartersOfPi(bool sign, int count, ref FloatContext c)
    {
        WideFloat angle = s_pi.Times(-2) * WideFloat.Of(count);
        return RoundInexact(sign ? angle.Negated : angle, ref c);
    }

    // What is left of an angle of at least one half beyond the nearest multiple of pi / 2; gives which one, of four.
    private static int Reduce(ulong significand, int exponent, out WideFloat angle)
    {
        // In quarters of a turn: 64 bits times 256, then the point between the words.
        Span<ulong> words = stackalloc ulong[5];
        ulong carry = 0;
        for (int i = 0; i < 4; i++)
        {
            UInt128 product = ((UInt128)significand * s_twoByPi[i]) + carry;
            words[i] = (ulong)product;
            carry = (ulong)(product >> 64);
        }

        words[4] = carry;
        int shift = exponent + 1;
        ulong whole = 0;
        if (shift != 0)
        {
            whole = words[4] >> (64 - shift);
            for (int i = 4; i >= 0; i--)
            {
                words[i] = (words[i] << shift) | (i > 0 ? words[i - 1] >> (64 - shift) : 0);
            }
        }

        bool isAbove = words[4] >> 63 != 0;
        if (isAbove)
        {
            whole++;
            bool borrow = true;
            for (int i = 0; i < 5; i++)
            {
                words[i] = ~words[i] + (borrow ? 1UL : 0);
                borrow &= words[i] == 0;
            }
        }

        int top = 4;
        while (top > 2 && words[top] == 0)
        {
            top--;
        }

        // 128 bits from the first that is set on.
        int zeros = (int)ulong.LeadingZeroCount(words[top]);
        UInt128 bits = (((UInt128)words[top] << 64) | words[top - 1]) << zeros;
        bits |= zeros == 0 ? 0 : words[top - 2] >> (64 - zeros);
        angle = WideFloat.Make(isAbove, -1 - ((4 - top) * 64) - zeros, bits) * s_pi.Times(-1);
        return (int)whole & 3;
    }

    // first * (1 - x / (n (n + 1)) + x^2 / (n (n + 1) (n + 2) (n + 3)) - ...)
    private static WideFloat AlternatingSeries(WideFloat first, WideFloat square, int n)
    {
        WideFloat term = first, sum = first;
        for (; IsOfWeight(term, sum); n += 2)
        {
            term = (term * square / (n * (n + 1))).Negated;
            sum += term;
        }

        return sum;
    }

    private static WideFloat Logarithm(WideFloat x)
    {
        // Half the square root of two is near enough for the place where to divide.
        bool isHigh = (ulong)(x.Significand >> 64) > 0xB504_F333_F9DE_6484;
        WideFloat m = WideFloat.Make(false, isHigh ? -1 : 0, x.Significand), one = WideFloat.Of(1);
        return WideFloat.Of(isHigh ? x.Exponent + 1 : x.Exponent) + (AreaTangent((m - one) / (m + one)).Times(1) * s_log2E);
    }

    private static WideFloat AreaTangent(WideFloat a) => OddSeries(a, a * a);

    private static WideFloat ArcTangent(WideFloat a)
    {
        int eighths = 0;
        while (eighths < 8 && !(a - WideFloat.Of((2 * eighths) + 1).Times(-4)).Sign)
        {
            eighths++;
        }

        WideFloat near = WideFloat.Of(eighths).Times(-3), rest = (a - near) / (WideFloat.Of(1) + (a * near));
        return s_arcTangents[eighths] + OddSeries(rest, (rest * rest).Negated);
    }

    // a + a x / 3 + a x^2 / 5 + ...
    private static WideFloat OddSeries(WideFloat a, WideFloat x)
    {
        WideFloat power = a, sum = a;
        for (int n = 3; IsOfWeight(power, sum); n += 2)
        {
            power *= x;
            sum += power / n;
        }

        return sum;
    }

    private static bool IsOfWeight(WideFloat term, WideFloat sum) => !term.IsZero && term.Exponent > sum.Exponent - 130;

    private static WideFloat[] ArcTangentsOfEighths()
    {
        WideFloat[] angles = new WideFloat[9];
        for (int i = 1; i < angles.Length; i++)
        {
            WideFloat step = WideFloat.Of(8) / WideFloat.Of(64 + (i * (i - 1)));
            angles[i] = angles[i - 1] + OddSeries(step, (step * step).Negated);
        }

        return angles;
    }
}
