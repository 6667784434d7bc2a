using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Web.Machines.Inspection;

/// <summary>One entry of a page walk.</summary>
/// <param name="Level">PML5E, PML4E, PDPTE, PDE or PTE.</param>
/// <param name="EntryAddress">Its guest-physical address, hexadecimal with 0x.</param>
/// <param name="Entry">Its value, or null where no memory is there.</param>
/// <param name="Flags">Its flags that are set, as in the manual (P, R/W, U/S, A, D, PS, G, XD).</param>
public sealed record TranslationStep(string Level, string EntryAddress, string? Entry, IReadOnlyList<string> Flags)
{
    private static readonly (int Bit, string Name)[] s_flags =
        [(0, "P"), (1, "R/W"), (2, "U/S"), (3, "PWT"), (4, "PCD"), (5, "A"), (6, "D"), (8, "G"), (63, "XD")];

    /// <summary>The view of one entry.</summary>
    public static TranslationStep Of(PageWalkStep step)
    {
        // A page-table entry's bit 7 is PAT, a larger page's is PS; D and G are a leaf's alone.
        IEnumerable<string> flags = s_flags
            .Where(flag => (step.Entry >> flag.Bit & 1) != 0 && (step.IsLeaf || flag.Bit is not (6 or 8)))
            .Select(flag => flag.Name);
        string? large = (step.Entry & 0x80) == 0 ? null : step.Level == "PTE" ? "PAT" : step.IsLeaf ? "PS" : null;
        return new TranslationStep(
            step.Level, ExitEvents.Hex(step.EntryAddress), step.IsReadable ? "0x" + step.Entry.ToString(step.Bytes == 4 ? "X8" : "X16", System.Globalization.CultureInfo.InvariantCulture) : null,
            step.IsPresent ? large is null ? [.. flags] : [.. flags, large] : []);
    }
}
