using System.Buffers;
using System.Globalization;
using System.Text;

namespace Hyperpatch.Web.Export;

/// <summary>
/// Cells of a CSV file (RFC 4180). Names, command lines and messages come from people and guests: a text that a spreadsheet would take
/// for a formula gets an apostrophe in front (OWASP, CSV injection), and control characters that a file of text has no place for are replaced.
/// </summary>
internal static class CsvText
{
    private const char Replacement = '\uFFFD';
    private const char Delete = '\u007F';

    // The wide forms are the same to a spreadsheet in some languages.
    private static readonly SearchValues<char> s_formulaStarts = SearchValues.Create("=+-@\uFF1D\uFF0B\uFF0D\uFF20");
    private static readonly SearchValues<char> s_special = SearchValues.Create(
        [',', ';', '"', Delete, .. Enumerable.Range(0, ' ').Select(code => (char)code)]);

    /// <summary>Appends a cell. Numbers stay numbers; moments are ISO 8601 in UTC; of several texts there is a blank in between.</summary>
    /// <param name="line">Where to.</param>
    /// <param name="value">A text, number, truth, moment, list of texts, or nothing.</param>
    public static StringBuilder AppendCell(this StringBuilder line, object? value) => value switch
    {
        null => line,
        string text => line.AppendText(text),
        bool truth => line.Append(truth ? "true" : "false"),
        DateTimeOffset moment => line.Append(CultureInfo.InvariantCulture, $"{moment.UtcDateTime:O}"),
        IEnumerable<string> texts => line.AppendText(string.Join(' ', texts)),
        IFormattable number => line.Append(CultureInfo.InvariantCulture, $"{number}"),
        _ => line.AppendText(value.ToString()),
    };

    /// <summary>Appends cells with commas between them.</summary>
    /// <param name="line">Where to.</param>
    /// <param name="values">As for <see cref="AppendCell"/>.</param>
    public static StringBuilder AppendCells(this StringBuilder line, IEnumerable<object?> values)
    {
        bool isFirst = true;
        foreach (object? value in values)
        {
            if (!isFirst)
            {
                line.Append(',');
            }

            isFirst = false;
            line.AppendCell(value);
        }

        return line;
    }

    /// <summary>Appends a cell that is a text, whoever wrote it.</summary>
    /// <param name="line">Where to.</param>
    /// <param name="text">The text; null is an empty cell.</param>
    public static StringBuilder AppendText(this StringBuilder line, string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return line;
        }

        bool isFormula = IsFormula(text);
        if (!isFormula && text.AsSpan().IndexOfAny(s_special) < 0)
        {
            return line.Append(text);
        }

        line.Append('"');
        if (isFormula)
        {
            line.Append('\'');
        }

        foreach (char one in text)
        {
            if (one == '"')
            {
                line.Append('"');
            }

            line.Append((one < ' ' && one is not ('\t' or '\r' or '\n')) || one == Delete ? Replacement : one);
        }

        return line.Append('"');
    }

    // Blanks in front do not keep every program from calculating.
    private static bool IsFormula(string text) =>
        text[0] is '\t' or '\r' or '\n' || (text.AsSpan().TrimStart() is [var first, ..] && s_formulaStarts.Contains(first));
}
