namespace Hyperpatch.Web.Machines.Stepping;

/// <summary>What one step did to one processor.</summary>
/// <param name="Number">Number of the step since the machine was created, from 1. Processors that stepped together share it.</param>
/// <param name="Processor">Index of the processor.</param>
/// <param name="Address">Linear address where it stood before, hexadecimal with 0x.</param>
/// <param name="Bytes">Bytes of the instruction there, empty where they could not be read.</param>
/// <param name="Instruction">The instruction, empty likewise.</param>
/// <param name="Changes">Registers that changed; none where the processor did not move, such as one in HLT.</param>
public sealed record StepView(long Number, int Processor, string Address, string Bytes, string Instruction, IReadOnlyList<RegisterChange> Changes);
