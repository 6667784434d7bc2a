namespace Hyperpatch.Web.Export;

/// <summary>A table on its way into a file.</summary>
/// <param name="Columns">Names of the columns.</param>
/// <param name="Rows">Texts, numbers, moments, lists of texts and nothing, as many in each row as there are columns. Read once, row by row.</param>
internal sealed record ExportTable(IReadOnlyList<string> Columns, IEnumerable<object?[]> Rows)
{
    /// <summary>The rows as moments of a trace, or null where they have no time.</summary>
    public IEnumerable<TraceEvent>? Trace { get; init; }
}
