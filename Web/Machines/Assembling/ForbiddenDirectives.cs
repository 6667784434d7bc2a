using System.Text.RegularExpressions;

namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>
/// Finds directives that read the host's files, so that a person is told in plain words. It is not what keeps the files closed: a macro can put a
/// name together that is nowhere in the source. That is the limit on open files under which the assembler runs (see <see cref="GnuAssembler"/>).
/// </summary>
internal static partial class ForbiddenDirectives
{
    /// <summary>Lines with such a directive.</summary>
    /// <param name="source">The source.</param>
    public static IReadOnlyList<AssemblyError> Find(string source)
    {
        List<AssemblyError> errors = [];
        int number = 0;
        foreach (ReadOnlySpan<char> line in source.AsSpan().EnumerateLines())
        {
            number++;
            foreach (ValueMatch match in Directive().EnumerateMatches(line))
            {
                errors.Add(new AssemblyError(number, $"{line.Slice(match.Index, match.Length)} is refused: a program of this page reads no files of the host."));
                break;
            }
        }

        return errors;
    }

    [GeneratedRegex(@"\.(incbin|include)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Directive();
}
