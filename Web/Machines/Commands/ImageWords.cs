using System.Globalization;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Loading;
using Hyperpatch.Web.Configuration;

namespace Hyperpatch.Web.Machines.Commands;

/// <summary>What is said about an image file, in the words of the API, the pages and the command line.</summary>
internal static class ImageWords
{
    /// <summary>The word for "as the file says".</summary>
    public const string Auto = "auto";

    private static readonly (string Word, GuestMode Mode)[] s_modes = [("16", GuestMode.Real), ("32", GuestMode.Protected), ("64", GuestMode.Long)];

    /// <summary>Formats.</summary>
    public static IEnumerable<string> Formats => [Auto, .. Words.Lower<ImageFormat>()];

    /// <summary>Modes of flat images.</summary>
    public static IEnumerable<string> Modes => s_modes.Select(mode => mode.Word);

    /// <summary>Understands them.</summary>
    /// <param name="errors">Receives what was not understood, by field.</param>
    /// <param name="format">Format, or null.</param>
    /// <param name="mode">Mode, or null.</param>
    /// <param name="loadAddress">Load address, or null.</param>
    /// <param name="entryAddress">Entry address, or null.</param>
    public static ImageSettings Parse(Dictionary<string, string[]> errors, string? format, string? mode, string? loadAddress, string? entryAddress)
    {
        ImageFormat? form = null;
        if (!IsAuto(format))
        {
            if (Words.TryParse(format, out ImageFormat parsed))
            {
                form = parsed;
            }
            else
            {
                errors["format"] = [PlainNames.NotAllowed("format", format, Formats)];
            }
        }

        GuestMode? start = null;
        if (!IsAuto(mode))
        {
            start = Array.Find(s_modes, known => known.Word == mode) is { Word: not null } found ? found.Mode : null;
            if (start is null)
            {
                errors["mode"] = [PlainNames.NotAllowed("mode", mode, Modes)];
            }
        }

        return new ImageSettings
        {
            Format = form,
            Mode = start,
            LoadAddress = Address(errors, "loadAddress", loadAddress),
            EntryAddress = Address(errors, "entryAddress", entryAddress),
        };
    }

    private static bool IsAuto(string? word) => string.IsNullOrWhiteSpace(word) || string.Equals(word, Auto, StringComparison.OrdinalIgnoreCase);

    private static ulong? Address(Dictionary<string, string[]> errors, string field, string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return null;
        }

        ReadOnlySpan<char> digits = text.Trim();
        if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            && ulong.TryParse(digits[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong address))
        {
            return address;
        }

        errors[field] = ["An address is hexadecimal with 0x, up to 16 digits, such as 0x100000."];
        return null;
    }
}
