namespace Hyperpatch.Web.Components.Machines;

/// <summary>An instruction as a listing shows it.</summary>
/// <param name="Address">Linear address, hexadecimal with 0x.</param>
/// <param name="Bytes">Its bytes.</param>
/// <param name="Text">The instruction.</param>
/// <param name="Vendor">The vendor whose hypercall it is, or null.</param>
/// <param name="IsSite">Whether it is the instruction that the listing is about.</param>
public sealed record DisassembledLine(string Address, string Bytes, string Text, string? Vendor, bool IsSite);
