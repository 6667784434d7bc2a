using System.Collections;
using System.Globalization;
using System.Resources;
using System.Text.Json;

namespace Hyperpatch.Web.Texts;

/// <summary>The texts of the scripts, as the document brings them along.</summary>
internal static class ScriptPhrases
{
    /// <summary>All of them by name, as JSON that can stand in a script element: the writer escapes what HTML would take for markup.</summary>
    public static string Json()
    {
        // The neutral language has all names; a language that lacks a text falls back to it.
        ResourceManager texts = ScriptTexts.ResourceManager;
        ResourceSet neutral = texts.GetResourceSet(CultureInfo.InvariantCulture, createIfNotExists: true, tryParents: false)!;
        return JsonSerializer.Serialize(neutral.Cast<DictionaryEntry>().Select(entry => (string)entry.Key).Order(StringComparer.Ordinal).ToDictionary(name => name, name => texts.GetString(name)));
    }
}
