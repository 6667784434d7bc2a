namespace Hyperpatch.Web.Machines.Inspection;

/// <summary>Guest memory as the API shows it.</summary>
/// <param name="Address">First address, hexadecimal with 0x.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Space">virtual or physical.</param>
/// <param name="Processor">The processor by whose tables it was translated.</param>
/// <param name="Bytes">Two digits a byte, blanks between; ?? where no memory can be read.</param>
/// <param name="Mappings">Where the pages are, in the order of addresses; without those that are nowhere.</param>
/// <param name="Sites">Hypercall instructions in this range.</param>
public sealed record MemoryView(
    string Address, int Length, string Space, int Processor, string Bytes, IReadOnlyList<MemoryMapping> Mappings, IReadOnlyList<MemorySite> Sites);
