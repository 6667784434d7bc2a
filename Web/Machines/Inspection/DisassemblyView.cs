namespace Hyperpatch.Web.Machines.Inspection;

/// <summary>Disassembled guest memory as the API shows it.</summary>
/// <param name="Address">Address of the first instruction, hexadecimal with 0x.</param>
/// <param name="Space">virtual or physical.</param>
/// <param name="Processor">The processor by whose tables and mode.</param>
/// <param name="Bits">Width of the code: 16, 32 or 64.</param>
/// <param name="Instructions">The instructions; they end where memory ends.</param>
public sealed record DisassemblyView(string Address, string Space, int Processor, int Bits, IReadOnlyList<InstructionView> Instructions);
