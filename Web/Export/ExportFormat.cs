namespace Hyperpatch.Web.Export;

/// <summary>How a table is written to a file.</summary>
public enum ExportFormat
{
    /// <summary>One JSON object a line.</summary>
    Jsonl,

    /// <summary>Comma-separated, with a header (RFC 4180).</summary>
    Csv,

    /// <summary>Chrome's trace events: opens in Perfetto.</summary>
    ChromeTrace,
}
