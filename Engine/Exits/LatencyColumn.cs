namespace Hyperpatch.Engine.Exits;

/// <summary>What the latency histograms gained over one step of a <see cref="LatencyHistory"/>.</summary>
/// <param name="Started">Its begin, in ticks of <see cref="System.Diagnostics.Stopwatch"/>.</param>
/// <param name="Timestamp">Its end, likewise.</param>
/// <param name="Longest">The longest handling time in it, in nanoseconds; of exits that the journal lost, within the bound of the histogram.</param>
/// <param name="Cells">The buckets that gained something, the shortest first.</param>
public sealed record LatencyColumn(long Started, long Timestamp, uint Longest, IReadOnlyList<LatencyCell> Cells);
