using System.Globalization;
using System.Text;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Machines.Inspection;

namespace Hyperpatch.Web.Export;

/// <summary>A guest's memory as plain tables: bytes, disassembly and a page walk.</summary>
internal static class MemoryTables
{
    /// <summary>The bytes, sixteen a row.</summary>
    public const string Bytes = "memory";

    /// <summary>The instructions.</summary>
    public const string Disassembly = "disassembly";

    /// <summary>The page walk.</summary>
    public const string Translation = "translation";

    private const int Width = 16;

    /// <summary>Names of all of them.</summary>
    public static IReadOnlyList<string> Names { get; } = [Bytes, Disassembly, Translation];

    /// <summary>Memory: a row sixteen bytes. Bytes that cannot be read are ??, and dots in the text.</summary>
    /// <param name="address">First address.</param>
    /// <param name="view">The memory from there on.</param>
    public static ExportTable OfBytes(ulong address, MemoryView view)
    {
        string[] bytes = view.Bytes.Split(' ');
        return new ExportTable(
            ["address", "physical", "bytes", "text", "sites"],
            Enumerable.Range(0, (bytes.Length + Width - 1) / Width).Select(line => line * Width).Select(start => (object?[])
            [
                ExitEvents.Hex(address + (ulong)start), Physical(view, address + (ulong)start), string.Join(' ', bytes.Skip(start).Take(Width)), Text(bytes.Skip(start).Take(Width)),
                Sites(view, address + (ulong)start),
            ]));
    }

    /// <summary>Disassembly: a row an instruction.</summary>
    /// <param name="view">As of <see cref="MachineInspector.Disassemble"/>.</param>
    public static ExportTable OfCode(DisassemblyView view) => new(
        ["address", "bytes", "instruction", "vendor", "site", "patches"],
        view.Instructions.Select(line => (object?[])[line.Address, line.Bytes, line.Instruction, line.Vendor, line.Site, line.Site is null ? null : line.Patches]));

    /// <summary>A page walk: a row an entry, each with what the walk came to. Without paging there is one row, without an entry.</summary>
    /// <param name="view">As of <see cref="MachineInspector.Translate"/>.</param>
    public static ExportTable OfWalk(TranslationView view) => new(
        ["address", "processor", "mode", "cr3", "level", "entryAddress", "entry", "flags", "physical", "pageBytes"],
        view.Steps.DefaultIfEmpty().Select(step => (object?[])
        [
            view.Address, view.Processor, view.Mode, view.Cr3, step?.Level, step?.EntryAddress, step?.Entry, step?.Flags, view.Physical, view.Physical is null ? null : (long)view.PageBytes,
        ]));

    // Addresses are hexadecimal texts in views: the part that they are in tells how far on they are.
    private static string? Physical(MemoryView view, ulong at)
    {
        MemoryMapping? part = view.Mappings.FirstOrDefault(one => at - Number(one.Address) < (ulong)one.Length);
        return part is null ? null : ExitEvents.Hex(Number(part.Physical) + (at - Number(part.Address)));
    }

    private static string[]? Sites(MemoryView view, ulong start)
    {
        string[] sites = [.. view.Sites.Where(site => Number(site.Address) - start < Width).Select(site => site.Site.ToString(CultureInfo.InvariantCulture))];
        return sites.Length > 0 ? sites : null;
    }

    private static string Text(IEnumerable<string> bytes)
    {
        var text = new StringBuilder(Width);
        foreach (string one in bytes)
        {
            text.Append(byte.TryParse(one, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out byte value) && value is >= 0x20 and < 0x7F ? (char)value : '.');
        }

        return text.ToString();
    }

    private static ulong Number(string hexadecimal) => ulong.Parse(hexadecimal.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
