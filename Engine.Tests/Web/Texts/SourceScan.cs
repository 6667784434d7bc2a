namespace Hyperpatch.Engine.Tests.Web.Texts;

/// <summary>As much of C# and JavaScript as it takes to find a bracket's end: strings, with what is interpolated into them, and brackets.</summary>
internal static class SourceScan
{
    /// <summary>The place behind a string that begins at a quotation mark.</summary>
    public static int AfterString(string source, int start)
    {
        char mark = source[start];
        bool isInterpolated = mark == '`' || (start > 0 && source[start - 1] == '$');
        int at = start + 1;
        while (at < source.Length && source[at] != mark)
        {
            at = source[at] == '\\' ? at + 2 : source[at] == '{' && isInterpolated ? AfterBracket(source, at) : at + 1;
        }

        return Math.Min(source.Length, at + 1);
    }

    /// <summary>The place behind what a bracket encloses.</summary>
    public static int AfterBracket(string source, int start)
    {
        int at = start + 1;
        while (at < source.Length && source[at] is not (')' or ']' or '}'))
        {
            at = Next(source, at);
        }

        return Math.Min(source.Length, at + 1);
    }

    /// <summary>Where the arguments in a pair of brackets begin and end.</summary>
    public static List<Range> Arguments(string source, int bracket)
    {
        List<Range> arguments = [];
        int end = AfterBracket(source, bracket) - 1;
        int from = bracket + 1;
        for (int at = from; at < end; at = Next(source, at))
        {
            if (source[at] == ',')
            {
                arguments.Add(from..at);
                from = at + 1;
            }
        }

        arguments.Add(from..end);
        return arguments;
    }

    private static int Next(string source, int at) => source[at] switch
    {
        '(' or '[' or '{' => AfterBracket(source, at),
        '"' or '`' or '\'' => AfterString(source, at),
        _ => at + 1,
    };
}
