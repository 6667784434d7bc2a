namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>
/// A number with 128 bits of significand and an exponent that does not end, for what is rounded to 64 bits afterwards. Operations are
/// cut off, not rounded: each is wrong by a few units of the last of 128 bits at most.
/// </summary>
internal readonly struct WideFloat
{
    private WideFloat(bool sign, int exponent, UInt128 significand)
    {
        Sign = sign;
        Exponent = exponent;
        Significand = significand;
    }

    public bool Sign { get; }

    /// <summary>Two to this power is the weight of the significand's highest bit, which is set in all numbers but zero.</summary>
    public int Exponent { get; }

    public UInt128 Significand { get; }

    public bool IsZero => Significand == 0;

    public WideFloat Negated => new(!Sign, Exponent, Significand);

    public WideFloat Absolute => new(false, Exponent, Significand);

    /// <summary>A number whose significand's highest bit has a weight of two to the exponent, whether it is set or not.</summary>
    public static WideFloat Make(bool sign, int exponent, UInt128 significand)
    {
        if (significand == 0)
        {
            return default;
        }

        int zeros = (int)UInt128.LeadingZeroCount(significand);
        return new WideFloat(sign, exponent - zeros, significand << zeros);
    }

    public static WideFloat Of(long value) => Make(value < 0, 127, (UInt128)(value < 0 ? -(Int128)value : value));

    public static WideFloat Of(Float80 value)
    {
        if (value.IsZero)
        {
            return default;
        }

        value.Normalize(out int exponent, out ulong significand);
        return new WideFloat(value.Sign, exponent - Float80.Bias, (UInt128)significand << 64);
    }

    public WideFloat Times(int power) => IsZero ? this : new(Sign, Exponent + power, Significand);

    public static WideFloat operator +(WideFloat a, WideFloat b)
    {
        if (a.IsZero || b.IsZero)
        {
            return a.IsZero ? b : a;
        }

        if (a.Exponent < b.Exponent || (a.Exponent == b.Exponent && a.Significand < b.Significand))
        {
            (a, b) = (b, a);
        }

        int shift = a.Exponent - b.Exponent;
        UInt128 low = shift > 127 ? 0 : b.Significand >> shift;
        return a.Sign == b.Sign
            ? Make(a.Sign, a.Exponent + 1, (a.Significand >> 1) + (low >> 1))
            : Make(a.Sign, a.Exponent, a.Significand - low);
    }

    public static WideFloat operator -(WideFloat a, WideFloat b) => a + b.Negated;

    public static WideFloat operator *(WideFloat a, WideFloat b) =>
        Make(a.Sign ^ b.Sign, a.Exponent + b.Exponent + 1, HighProduct(a.Significand, b.Significand));

    public static WideFloat operator /(WideFloat a, int b) => Make(a.Sign, a.Exponent, a.Significand / (uint)b);

    public static WideFloat operator /(WideFloat a, WideFloat b)
    {
        if (a.IsZero)
        {
            return a;
        }

        UInt128 rest = a.Significand, divisor = b.Significand, quotient = 0;
        int exponent = a.Exponent - b.Exponent;
        bool carry = false;
        for (int i = rest < divisor ? -1 : 0; i < 128; i++)
        {
            bool fits = carry || rest >= divisor;
            quotient = (quotient << 1) | (fits ? 1u : 0u);
            rest -= fits ? divisor : 0;
            carry = rest >> 127 != 0;
            rest <<= 1;
        }

        return Make(a.Sign ^ b.Sign, a.Significand < divisor ? exponent - 1 : exponent, quotient);
    }

    private static UInt128 HighProduct(UInt128 a, UInt128 b)
    {
        ulong ah = (ulong)(a >> 64), al = (ulong)a, bh = (ulong)(b >> 64), bl = (ulong)b;
        UInt128 middle = (UInt128)ah * bl, other = (UInt128)al * bh;
        UInt128 low = ((UInt128)al * bl >> 64) + (ulong)middle + (ulong)other;
        return ((UInt128)ah * bh) + (middle >> 64) + (other >> 64) + (low >> 64);
    }
}
