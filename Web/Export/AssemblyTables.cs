using Hyperpatch.Web.Machines.Assembling;

namespace Hyperpatch.Web.Export;

/// <summary>What was assembled as a plain table.</summary>
internal static class AssemblyTables
{
    /// <summary>The listing: a row an instruction.</summary>
    public static ExportTable Listing(AssemblyView view)
    {
        ArgumentNullException.ThrowIfNull(view);
        return new ExportTable(["address", "bytes", "instruction"], view.Listing.Select(line => (object?[])[line.Address, line.Bytes, line.Instruction]));
    }
}
