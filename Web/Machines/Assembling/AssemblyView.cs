namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>What became of a source.</summary>
/// <param name="Address">Guest-physical address of the first byte, hexadecimal with 0x; null where there are errors.</param>
/// <param name="Entry">Where it starts; null likewise.</param>
/// <param name="Bytes">Code and data: two digits a byte, blanks between. Empty where there are errors.</param>
/// <param name="Listing">The bytes as instructions, data included, up to <see cref="AssemblyListing.MostLines"/>.</param>
/// <param name="Errors">Mistakes, by line.</param>
public sealed record AssemblyView(
    string? Address, string? Entry, string Bytes, IReadOnlyList<AssemblyLine> Listing, IReadOnlyList<AssemblyError> Errors);
