using System.Globalization;
using System.Text.RegularExpressions;

namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>Reads the messages of <c>as</c> and <c>ld</c>.</summary>
internal static partial class ToolMessages
{
    private const int Most = 50;
    private const int Longest = 300;

    /// <summary>Errors of the assembler.</summary>
    /// <param name="text">Its standard error.</param>
    /// <param name="lines">Lines of the source.</param>
    public static List<AssemblyError> OfAssembler(string text, int lines) => Read(text, lines, AssemblerMessage());

    /// <summary>Errors of the linker.</summary>
    /// <param name="text">Its standard error.</param>
    /// <param name="lines">Lines of the source.</param>
    public static List<AssemblyError> OfLinker(string text, int lines) => Read(text, lines, LinkerMessage());

    private static List<AssemblyError> Read(string text, int lines, Regex form)
    {
        List<AssemblyError> errors = [];
        foreach (Match match in form.Matches(text))
        {
            bool hasLine = int.TryParse(match.Groups["line"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int line) && line >= 1 && line <= lines;
            string message = match.Groups["message"].Value.Trim();
            AssemblyError error = new(hasLine ? line : null, message.Length > Longest ? message[..Longest] + "…" : message);
            if (errors.Count < Most && !errors.Contains(error))
            {
                errors.Add(error);
            }
        }

        return errors;
    }

    [GeneratedRegex(@"^(?:[^\n]*?:)?(?:(?<line>\d+):)? *(?:Error|Fatal error): (?<message>[^\n]+)$", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex AssemblerMessage();

    [GeneratedRegex(@"^[^\n]*?(?:\{standard input\}:(?<line>\d+)|\([^\s(]*\+0x[0-9a-f]+\)): (?<message>[^\n]+)$", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex LinkerMessage();
}
