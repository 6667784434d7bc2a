using System.Globalization;
using System.Text;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Machines.Inspection;
using Microsoft.AspNetCore.Components;

namespace Hyperpatch.Web.Components.Machines;

/// <summary>Sixteen bytes of memory, as a line of a dump.</summary>
/// <param name="Address">Of the first byte.</param>
/// <param name="Markup">The bytes: those of sites marked, and those that changed.</param>
/// <param name="Text">The same as ASCII, a dot for what is none.</param>
public sealed record HexLine(string Address, MarkupString Markup, string Text)
{
    private const int Width = 16;

    /// <summary>The lines of a view.</summary>
    /// <param name="address">Its first address.</param>
    /// <param name="view">The view.</param>
    /// <param name="before">The same memory a moment before, or null.</param>
    public static IReadOnlyList<HexLine> Of(ulong address, MemoryView view, MemoryView? before)
    {
        ArgumentNullException.ThrowIfNull(view);
        string[] bytes = view.Bytes.Split(' ');
        string[] old = before?.Bytes.Split(' ') ?? bytes;
        HashSet<string> sites = [.. view.Sites.Select(site => site.Address)];
        List<HexLine> lines = [];
        for (int start = 0; start < bytes.Length; start += Width)
        {
            var markup = new StringBuilder();
            var text = new StringBuilder();
            for (int i = start; i < Math.Min(start + Width, bytes.Length); i++)
            {
                bool isSite = sites.Contains(ExitEvents.Hex(address + (ulong)i));
                bool isChanged = i < old.Length && old[i] != bytes[i];

                // Two hexadecimal digits or two question marks, and names of classes: nothing of the guest's own gets into the markup.
                markup.Append(i == start ? "" : i - start == Width / 2 ? "  " : " ");
                markup.Append(isSite || isChanged ? $"<span class=\"{(isSite ? "hp-hex-site" : "")}{(isChanged ? " hp-hex-changed" : "")}\">{bytes[i]}</span>" : bytes[i]);
                text.Append(byte.TryParse(bytes[i], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out byte value) && value is >= 0x20 and < 0x7F ? (char)value : '.');
            }

            lines.Add(new HexLine(ExitEvents.Hex(address + (ulong)start), new MarkupString(markup.ToString()), text.ToString()));
        }

        return lines;
    }
}
