namespace Hyperpatch.Web.Machines.Frames;

/// <summary>One item of a watcher's stream.</summary>
/// <param name="Dropped">Frames that this watcher has lost so far, because it did not take them in time.</param>
/// <param name="Frame">The frame.</param>
public sealed record WatchMessage(long Dropped, EncodedFrame Frame);
