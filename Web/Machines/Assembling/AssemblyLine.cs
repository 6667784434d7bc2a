namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>A line of a listing.</summary>
/// <param name="Address">Address, hexadecimal with 0x.</param>
/// <param name="Bytes">Two digits a byte, blanks between.</param>
/// <param name="Instruction">The instruction, or <c>(bad)</c>.</param>
public sealed record AssemblyLine(string Address, string Bytes, string Instruction);
