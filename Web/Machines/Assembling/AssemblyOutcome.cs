namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>What the assembler and the linker gave.</summary>
/// <param name="Program">A static ELF executable, or null where there are errors.</param>
/// <param name="Errors">Mistakes, by line.</param>
public sealed record AssemblyOutcome(ReadOnlyMemory<byte>? Program, IReadOnlyList<AssemblyError> Errors);
