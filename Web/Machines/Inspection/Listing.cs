using Hyperpatch.Engine.Vendors;
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

    /// <summary>The vendor whose hypercall an instruction is, or null.</summary>
    /// <param name="bytes">The whole instruction.</param>
    /// <param name="bits">Width of the code.</param>
    public static string? VendorOf(ReadOnlySpan<byte> bytes, int bits) =>
        CpuVendor.FindHypercall(bytes, bits == 64, out int length) is { } owner && length == bytes.Length ? owner.Id : null;
}
