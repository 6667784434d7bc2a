namespace Hyperpatch.Engine.Machine.Frames;

/// <summary>Why a machine paused by itself.</summary>
/// <param name="Point">Number of the pause point.</param>
/// <param name="Text">The point in words.</param>
/// <param name="Processor">Index of the processor that met it.</param>
/// <param name="Rip">RIP at the exit, hexadecimal with 0x.</param>
/// <param name="Reason">The exit's reason.</param>
/// <param name="Sequence">The exit's number in the machine's history, or null.</param>
public sealed record PauseView(int Point, string Text, int Processor, string Rip, string Reason, long? Sequence);
