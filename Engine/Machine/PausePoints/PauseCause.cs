using Hyperpatch.Engine.Exits;

namespace Hyperpatch.Engine.Machine.PausePoints;

/// <summary>Why a machine paused by itself.</summary>
/// <param name="Point">The point that was met.</param>
/// <param name="Processor">Index of the processor that met it.</param>
/// <param name="Rip">RIP at the exit.</param>
/// <param name="Reason">The exit's reason.</param>
/// <param name="Timestamp">The exit's time, in ticks of <see cref="System.Diagnostics.Stopwatch"/>.</param>
/// <param name="Sequence">The exit's number in the machine's history; null while it has not reached it, or when it was lost on the way.</param>
public sealed record PauseCause(PausePoint Point, int Processor, ulong Rip, ExitReason Reason, long Timestamp, long? Sequence);
