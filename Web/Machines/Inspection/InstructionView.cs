namespace Hyperpatch.Web.Machines.Inspection;

/// <summary>One instruction.</summary>
/// <param name="Address">Address, hexadecimal with 0x.</param>
/// <param name="Bytes">Its bytes.</param>
/// <param name="Instruction">Its text, or (bad) for a byte that begins none.</param>
/// <param name="Vendor">The vendor whose hypercall it is, or null.</param>
/// <param name="Site">The hypercall site that it is, or null.</param>
/// <param name="Patches">Times that the site's byte was written.</param>
public sealed record InstructionView(string Address, string Bytes, string Instruction, string? Vendor, int? Site, long Patches);
