namespace Hyperpatch.Engine.Interception;

/// <summary>One line of a site's history. Like attempts that follow each other are one line with a count.</summary>
/// <param name="Timestamp">When the (first) attempt was made, in ticks of <see cref="System.Diagnostics.Stopwatch"/>.</param>
/// <param name="Processor">Which processor made it, or the first of them.</param>
/// <param name="Before">The instruction's bytes before, prefixes included.</param>
/// <param name="After">The bytes after.</param>
/// <param name="Policy">Policy in force.</param>
/// <param name="Vendor">The vendor that the guest saw, by <see cref="Vendors.CpuVendor.Id"/>.</param>
/// <param name="Outcome">What was done.</param>
/// <param name="Epoch">Number of the vendor switch under which it happened, from 0.</param>
/// <param name="Count">How many attempts in a row.</param>
public sealed record PatchEvent(
    long Timestamp,
    int Processor,
    ReadOnlyMemory<byte> Before,
    ReadOnlyMemory<byte> After,
    PatchPolicy Policy,
    string Vendor,
    InterceptionOutcome Outcome,
    int Epoch,
    long Count);
