namespace Hyperpatch.Engine.Benchmarks;

/// <summary>What a measured watcher reads of an item: how many it lost. The frame is taken off the wire and not looked at.</summary>
/// <param name="Dropped">Frames lost so far.</param>
internal sealed record TakenFrame(long Dropped);
