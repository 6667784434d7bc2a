namespace Hyperpatch.Engine.Benchmarks;

/// <summary>What a server with one busy machine used in a while.</summary>
/// <param name="FrameMs">CPU time, in ms, for each of the machine's frames, without that of the guest's processors.</param>
/// <param name="CpuShare">CPU time without that of the guest's processors, as a share of one core.</param>
/// <param name="ExitRate">Exits a second.</param>
/// <param name="Bytes">Managed memory at the end, after a collection.</param>
internal sealed record ServerLoad(double FrameMs, double CpuShare, double ExitRate, double Bytes)
{
    /// <summary>Frames that watchers took.</summary>
    public long Frames { get; init; }

    /// <summary>Frames that they lost.</summary>
    public long Lost { get; init; }
}
