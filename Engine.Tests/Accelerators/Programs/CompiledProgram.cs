namespace Hyperpatch.Engine.Tests.Accelerators.Programs;

/// <summary>A C program compiled twice: as a flat piece for a guest, and for the host, where it has run already.</summary>
/// <param name="Flat">What a guest loads at <see cref="ProgramGuest.ProgramAddress"/>; the entry is its first byte.</param>
/// <param name="Digest">What it returned on the host.</param>
/// <param name="Output">What it wrote on the host.</param>
internal sealed record CompiledProgram(byte[] Flat, ulong Digest, byte[] Output);
