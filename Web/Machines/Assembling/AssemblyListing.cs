using System.Globalization;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Loading;
using Iced.Intel;

namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>
/// Lists an assembled program, disassembled from its bytes. The assembler's own listing is not used: it prints lines of whatever file a line
/// marker in the source names.
/// </summary>
internal static class AssemblyListing
{
    /// <summary>Lines at most.</summary>
    public const int MostLines = 1000;

    private const int MostBytes = 16 * 1024;

    /// <summary>Makes it.</summary>
    /// <param name="program">The program.</param>
    public static AssemblyView Of(ImageGuest program)
    {
        GuestSegment first = program.Content[0];
        ReadOnlyMemory<byte> bytes = first.Bytes[..Math.Min(first.Bytes.Length, MostBytes)];
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(bytes.ToArray()), first.Address);
        var formatter = new IntelFormatter();
        formatter.Options.HexPrefix = "0x";
        formatter.Options.HexSuffix = "";
        formatter.Options.BranchLeadingZeros = false;
        formatter.Options.SpaceAfterOperandSeparator = true;
        var text = new StringOutput();
        List<AssemblyLine> lines = [];
        while (lines.Count < MostLines && decoder.IP - first.Address < (ulong)bytes.Length)
        {
            decoder.Decode(out Instruction instruction);
            formatter.Format(instruction, text);
            int at = (int)(instruction.IP - first.Address);
            lines.Add(new AssemblyLine(
                Hex(instruction.IP), Hex(bytes.Span.Slice(at, Math.Min(instruction.Length, bytes.Length - at))), text.ToStringAndReset()));
        }

        return new AssemblyView(Hex(first.Address), Hex(program.Entry), Hex(bytes.Span), lines, []);
    }

    private static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:X}");

    private static string Hex(ReadOnlySpan<byte> bytes)
    {
        var text = new System.Text.StringBuilder(bytes.Length * 3);
        foreach (byte value in bytes)
        {
            text.Append(text.Length > 0 ? " " : "").Append(value.ToString("X2", CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }
}
