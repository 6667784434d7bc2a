using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Hyperpatch.Engine.Tests.Web.Texts;

/// <summary>The dashboard's texts as they are in the repository, and where its sources use them.</summary>
internal static partial class TextSources
{
    private const string Scripts = "ScriptTexts";

    /// <summary>The repository's root.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>All texts, by resource and name: <c>PaneTexts.Add</c>.</summary>
    public static IReadOnlyDictionary<string, string> Texts { get; } = new[] { "Web", "Engine" }
        .SelectMany(project => Directory.GetFiles(Path.Combine(Root, project, "Texts"), "*Texts.resx"))
        .SelectMany(file => XDocument.Load(file).Root!.Elements("data").Select(data => ($"{Path.GetFileNameWithoutExtension(file)}.{(string)data.Attribute("name")!}", (string)data.Element("value")!)))
        .ToDictionary(text => text.Item1, text => text.Item2);

    /// <summary>All .razor files.</summary>
    public static IEnumerable<string> Razor => Sources("Web", "*.razor");

    /// <summary>Words that scripts write or draw as they are: with the file, each.</summary>
    public static IEnumerable<(string Word, string File)> ScriptWords => Sources("wwwroot/js", "*.js")
        .SelectMany(file => ScriptWord().Matches(File.ReadAllText(file)).Select(match => (match.Groups[1].Value, Path.GetRelativePath(Root, file))));

    /// <summary>How many values a text asks for; each place below that has to be there.</summary>
    public static int Places(string text)
    {
        int[] places = [.. Place().Matches(text).Select(match => int.Parse(match.Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture)).Distinct().Order()];
        Assert.True(places.SequenceEqual(Enumerable.Range(0, places.Length)), $"A place is left out: {text}");
        return places.Length;
    }

    /// <summary>Every use: the text's name, how many values it is given, and the file.</summary>
    public static IEnumerable<(string Text, int Values, string File)> Uses() =>
    [
        .. Razor.Concat(Sources("Web", "*.cs")).Concat(Sources("Engine", "*.cs")).SelectMany(file => Uses(file, "Phrase.Of(", CodeUse(), "")),
        .. Sources("wwwroot/js", "*.js").SelectMany(file => Uses(file, "phrase(", ScriptUse(), Scripts + ".")),
    ];

    private static IEnumerable<(string Text, int Values, string File)> Uses(string file, string call, Regex name, string prefix)
    {
        string source = File.ReadAllText(file);
        List<(Range First, int Values)> calls = [];
        for (int at = source.IndexOf(call, StringComparison.Ordinal); at >= 0; at = source.IndexOf(call, at + 1, StringComparison.Ordinal))
        {
            List<Range> arguments = SourceScan.Arguments(source, at + call.Length - 1);
            calls.Add((arguments[0], arguments.Count - 1));
        }

        // A script's texts are named in the calls alone: any other word in quotation marks is none.
        foreach (Match match in name.Matches(source))
        {
            (Range First, int Values)? own = calls.Where(one => match.Index >= one.First.Start.Value && match.Index < one.First.End.Value).Cast<(Range, int)?>().LastOrDefault();
            if (own is not null || prefix.Length == 0)
            {
                yield return (prefix + match.Groups[1].Value, own?.Values ?? 0, Path.GetRelativePath(Root, file));
            }
        }
    }

    private static IEnumerable<string> Sources(string folder, string pattern) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), pattern, SearchOption.AllDirectories)
            .Where(file => !Path.GetRelativePath(Root, file).Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin"));

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Hyperpatch.slnx")))
        {
            folder = folder.Parent;
        }

        Assert.SkipWhen(folder is null, "The tests do not run within the repository: there are no sources to look at.");
        return folder!.FullName;
    }

    [GeneratedRegex(@"\{(\d+)(:\w+)?\}")]
    private static partial Regex Place();

    [GeneratedRegex(@"\b((?:Login|Shell|Page|Machine|Pane|Register|Story|Timeline|Script)Texts\.(?!ResourceManager\b)\w+)")]
    private static partial Regex CodeUse();

    // Two letters in a row: a unit or a sign is no text.
    [GeneratedRegex("(?:(?:fillText|strokeText|setText|append|alert)\\((?:[^'\n;]*, *)?|(?:textContent|innerText|title|placeholder|ariaLabel) = )'([^'\n]*[A-Za-z]{2}[^'\n]*)'")]
    private static partial Regex ScriptWord();

    [GeneratedRegex("'([A-Z]\\w+)'")]
    private static partial Regex ScriptUse();
}
