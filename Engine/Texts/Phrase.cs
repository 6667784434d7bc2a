using System.Globalization;

namespace Hyperpatch.Engine.Texts;

/// <summary>Texts with places for values.</summary>
internal static class Phrase
{
    /// <summary>A text with its values.</summary>
    /// <param name="text">A text of a resource, with places as of <see cref="string.Format(string, object[])"/>.</param>
    /// <param name="values">What goes into them; numbers are written alike, whatever the language.</param>
    public static string Of(string text, params object?[] values) => string.Format(CultureInfo.InvariantCulture, text, values);
}
