namespace Hyperpatch.Engine.Exits;

/// <summary>What one bucket of a latency histogram gained over a column.</summary>
/// <param name="Bucket">Index of the bucket (<see cref="LatencyHistogram.LowerBound"/>).</param>
/// <param name="Count">Exits.</param>
public readonly record struct LatencyCell(int Bucket, long Count);
