namespace Hyperpatch.Engine.Tests.Web.Export;

/// <summary>Reads CSV as RFC 4180 has it, strictly: what is not so fails the test.</summary>
internal static class CsvReader
{
    /// <summary>The rows of a file, the header first.</summary>
    public static List<string[]> Read(string text)
    {
        List<string[]> rows = [];
        List<string> row = [];
        int at = 0;
        while (at < text.Length)
        {
            row.Add(text[at] == '"' ? Quoted(text, ref at) : Plain(text, ref at));
            if (at < text.Length && text[at] == ',')
            {
                at++;
                continue;
            }

            Assert.True(at + 1 < text.Length && text[at] == '\r' && text[at + 1] == '\n', $"no end of a line at {at}");
            at += 2;
            rows.Add([.. row]);
            row.Clear();
        }

        Assert.Empty(row);
        Assert.All(rows, one => Assert.Equal(rows[0].Length, one.Length));
        return rows;
    }

    private static string Quoted(string text, ref int at)
    {
        System.Text.StringBuilder cell = new();
        for (at++; ; at++)
        {
            Assert.True(at < text.Length, "a quote is not closed");
            if (text[at] != '"')
            {
                cell.Append(text[at]);
            }
            else if (at + 1 < text.Length && text[at + 1] == '"')
            {
                cell.Append(text[++at]);
            }
            else
            {
                at++;
                return cell.ToString();
            }
        }
    }

    private static string Plain(string text, ref int at)
    {
        int start = at;
        while (at < text.Length && text[at] is not (',' or '\r' or '\n'))
        {
            Assert.NotEqual('"', text[at]);
            at++;
        }

        return text[start..at];
    }
}
