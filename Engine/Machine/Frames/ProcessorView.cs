namespace Hyperpatch.Engine.Machine.Frames;

/// <summary>A processor at one moment.</summary>
/// <param name="Index">Index.</param>
/// <param name="State">created, running, halted, paused or stopped.</param>
/// <param name="Rip">RIP at the latest exit or look, hexadecimal with 0x.</param>
/// <param name="Exits">Exits so far.</param>
public sealed record ProcessorView(int Index, string State, string Rip, long Exits);
