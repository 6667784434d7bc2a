namespace Hyperpatch.Engine.Machine;

/// <summary>One event in a machine's life.</summary>
/// <param name="Sequence">Number from 1.</param>
/// <param name="At">When.</param>
/// <param name="Kind">Such as <c>created</c>, <c>running</c>, <c>paused</c>, <c>vendor</c>, <c>policy</c>, <c>stopped</c>, <c>failed</c>.</param>
/// <param name="Text">What happened, in words.</param>
public sealed record TimelineEntry(long Sequence, DateTimeOffset At, string Kind, string Text);
