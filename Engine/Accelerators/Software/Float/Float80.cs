namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>A number in the x87's extended format: sign, 15 bits of exponent, 64 bits of significand with its integer bit.</summary>
internal readonly partial struct Float80(ushort head, ulong significand)
{
    public const int Bias = 16383;
    private const int MostExponent = 0x7FFF;
    private const ulong IntegerBit = 1UL << 63;
    private const ulong QuietBit = 1UL << 62;

    /// <summary>Sign and exponent.</summary>
    public readonly ushort Head = head;

    public readonly ulong Significand = significand;

    /// <summary>The answer to an invalid operation.</summary>
    public static Float80 Indefinite => new(0xFFFF, IntegerBit | QuietBit);

    public bool Sign => Head >> 15 != 0;

    public int Exponent => Head & MostExponent;

    public bool IsZero => Exponent == 0 && Significand == 0;

    public bool IsInfinity => Exponent == MostExponent && Significand == IntegerBit;

    /// <summary>Also those whose integer bit is set, which loads do not make but memory may hold.</summary>
    public bool IsDenormal => Exponent == 0 && Significand != 0;

    public bool IsNaN => Exponent == MostExponent && Significand > IntegerBit;

    public bool IsSignaling => IsNaN && (Significand & QuietBit) == 0;

    /// <summary>An encoding that the 8087 still took: no integer bit where there must be one.</summary>
    public bool IsUnsupported => Exponent != 0 && (Significand & IntegerBit) == 0;

    public Float80 Quiet => new(Head, Significand | QuietBit);

    public Float80 Negated => new((ushort)(Head ^ 0x8000), Significand);

    public Float80 Absolute => new((ushort)(Head & 0x7FFF), Significand);

    public static Float80 ZeroOf(bool sign) => Make(sign, 0, 0);

    public static Float80 InfinityOf(bool sign) => Make(sign, MostExponent, IntegerBit);

    internal static Float80 Make(bool sign, int exponent, ulong significand) =>
        new((ushort)((sign ? 0x8000 : 0) | exponent), significand);

    // Exponent and significand with the top bit set, of a number that is neither zero nor infinite.
    internal void Normalize(out int exponent, out ulong significand)
    {
        exponent = Exponent;
        significand = Significand;
        if (exponent == 0)
        {
            int shift = (int)ulong.LeadingZeroCount(significand);
            significand <<= shift;
            exponent = 1 - shift;
        }
    }

    // NaNs and what is not a number at all. True when that decides the result.
    private static bool IsDecided(Float80 a, Float80 b, ref FloatContext c, out Float80 result)
    {
        if (a.IsUnsupported || b.IsUnsupported)
        {
            c.Flags |= FloatContext.Invalid;
            result = Indefinite;
            return true;
        }

        if (!a.IsNaN && !b.IsNaN)
        {
            result = default;
            return false;
        }

        if (a.IsSignaling || b.IsSignaling)
        {
            c.Flags |= FloatContext.Invalid;
        }

        result = Choose(a, b).Quiet;
        return true;
    }

    // Of two NaNs a quiet one goes before a signaling one, then the one with more in the significand, then the positive one.
    private static Float80 Choose(Float80 a, Float80 b)
    {
        if (!a.IsNaN || !b.IsNaN)
        {
            return a.IsNaN ? a : b;
        }

        if (a.IsSignaling != b.IsSignaling)
        {
            return a.IsSignaling ? b : a;
        }

        return a.Significand > b.Significand ? a
            : a.Significand < b.Significand ? b
            : a.Sign ? b : a;
    }

    private static void NoteDenormal(Float80 a, Float80 b, ref FloatContext c)
    {
        if (a.IsDenormal || b.IsDenormal)
        {
            c.Flags |= FloatContext.Denormal;
        }
    }
}
