namespace Hyperpatch.Engine.Accelerators;

/// <summary>A processor's part of a deterministic machine's schedule.</summary>
/// <param name="Time">The machine's time in nanoseconds; the same for all processors of a machine.</param>
/// <param name="HasTurn">Whether it is this processor's turn.</param>
/// <param name="Left">What is left of the turn, in instructions; at most 0 when it is to be passed on.</param>
public readonly record struct TurnState(ulong Time, bool HasTurn, long Left);
