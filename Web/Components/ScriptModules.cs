using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Microsoft.Extensions.FileProviders;

namespace Hyperpatch.Web.Components;

/// <summary>
/// Which of our scripts a page will import, so that its document can ask for all of them at once. Otherwise a browser learns of each only from the
/// one that imports it, and of the first when the page's circuit is there: round trips in a row, before anything can be drawn.
/// </summary>
/// <param name="environment">Where the scripts are.</param>
public sealed partial class ScriptModules(IWebHostEnvironment environment)
{
    /// <summary>Draws a machine's page.</summary>
    public const string Machine = "js/machine/index.js";

    /// <summary>Draws the small charts of the list of machines.</summary>
    public const string Cards = "js/machine/cards.js";

    /// <summary>Draws two machines side by side.</summary>
    public const string Compare = "js/machine/compare.js";

    /// <summary>Saves what a page has made as a file.</summary>
    public const string SaveFile = "js/save-file.js";

    /// <summary>Takes the focus to a page's heading.</summary>
    public const string HeadingFocus = "js/heading-focus.js";

    // The document's own scripts, which it names itself: what they import is asked for with the rest.
    private static readonly string[] s_document = ["js/reconnect.js", "js/shortcuts.js", "js/export-menu.js"];

    private readonly ConcurrentDictionary<string, IReadOnlyList<string>> _known = new();

    /// <summary>The modules of the page at an address, as they are imported: relative to the base address.</summary>
    /// <param name="path">The page's address below the base address, perhaps with a query.</param>
    public IReadOnlyList<string> Of(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        string page = path.Split('?', '#')[0].Trim('/');
        string entry = page switch
        {
            "" or "machines" => Cards,
            "compare" => Compare,
            "editor" => SaveFile,
            "machines/new" => HeadingFocus,
            _ when page.StartsWith("machines/", StringComparison.OrdinalIgnoreCase) => Machine,
            _ => HeadingFocus,
        };
        return _known.GetOrAdd(entry, name => [.. Needed([.. s_document, HeadingFocus, name]).Except(s_document)]);
    }

    /// <summary>What is to be imported for a module that the program asks for.</summary>
    /// <param name="module">The module, relative to the base address.</param>
    internal static string Import(string module) => "./" + module;

    [GeneratedRegex("""^(?:import|export)\s[^;]*?from\s+'(?<module>\.{1,2}/[^']+)'""", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Imports();

    private List<string> Needed(IEnumerable<string> entries)
    {
        List<string> needed = [.. entries.Distinct()];
        for (int i = 0; i < needed.Count; i++)
        {
            foreach (string imported in ImportedBy(needed[i]))
            {
                if (!needed.Contains(imported))
                {
                    needed.Add(imported);
                }
            }
        }

        return needed;
    }

    private IEnumerable<string> ImportedBy(string module)
    {
        IFileInfo file = environment.WebRootFileProvider.GetFileInfo(module);
        if (!file.Exists)
        {
            throw new FileNotFoundException($"The script {module} does not come with the program.", module);
        }

        using StreamReader reader = new(file.CreateReadStream());
        Uri place = new(new Uri("http://localhost/"), module);
        return [.. Imports().Matches(reader.ReadToEnd()).Select(match => new Uri(place, match.Groups["module"].Value).AbsolutePath.TrimStart('/'))];
    }
}
