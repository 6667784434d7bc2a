namespace Hyperpatch.Engine.Machine.Frames;

/// <summary>A bucket of a latency histogram.</summary>
/// <param name="Index">Its index (<see cref="Exits.LatencyHistogram.LowerBound"/>).</param>
/// <param name="FromNs">Shortest time in it, in nanoseconds.</param>
/// <param name="ToNs">Where the next begins.</param>
/// <param name="Count">Exits.</param>
public sealed record LatencyBucket(int Index, double FromNs, double ToNs, long Count);
