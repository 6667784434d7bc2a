using System.Globalization;
using System.Text;
using QRCoder;

namespace Hyperpatch.Web.Components.Shared;

/// <summary>A text as a QR code (ISO/IEC 18004), as the path of an SVG: a camera reads it, no other site is asked.</summary>
/// <param name="Size">Width and height in modules, with the quiet zone of four around.</param>
/// <param name="Path">The dark modules, one row after the other.</param>
public sealed record QrSquares(int Size, string Path)
{
    /// <summary>Makes it; null for a text that is too long for a code that can still be read from a wall.</summary>
    /// <param name="text">The text, at most 800 bytes as UTF-8.</param>
    public static QrSquares? Of(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (Encoding.UTF8.GetByteCount(text) > 800)
        {
            return null;
        }

        using QRCodeData data = QRCodeGenerator.GenerateQrCode(text, QRCodeGenerator.ECCLevel.M);
        var path = new StringBuilder();
        for (int y = 0; y < data.ModuleMatrix.Count; y++)
        {
            for (int x = 0; x < data.ModuleMatrix[y].Count; x++)
            {
                int start = x;
                while (x < data.ModuleMatrix[y].Count && data.ModuleMatrix[y][x])
                {
                    x++;
                }

                if (x > start)
                {
                    path.Append(CultureInfo.InvariantCulture, $"M{start} {y}h{x - start}v1h-{x - start}z");
                }
            }
        }

        return new QrSquares(data.ModuleMatrix.Count, path.ToString());
    }
}
