using Iced.Intel;

namespace Hyperpatch.Web.Machines.Inspection;

/// <summary>How instructions are written everywhere.</summary>
internal static class Listing
{
    /// <summary>A formatter of one's own: it is not for several threads.</summary>
    public static NasmFormatter Formatter()
    {
        var formatter = new NasmFormatter();
        formatter.Options.HexPrefix = "0x";
        formatter.Options.HexSuffix = null;
        formatter.Options.BranchLeadingZeros = false;
        formatter.Options.SpaceAfterOperandSeparator = true;
        return formatter;
    }
}
