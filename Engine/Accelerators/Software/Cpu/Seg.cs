namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Indexes of segment registers, as instructions encode them.</summary>
internal static class Seg
{
    public const int Es = 0;
    public const int Cs = 1;
    public const int Ss = 2;
    public const int Ds = 3;
    public const int Fs = 4;
    public const int Gs = 5;
}
