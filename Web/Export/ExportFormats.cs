using System.Globalization;

namespace Hyperpatch.Web.Export;

/// <summary>Formats by their names in an address, and what a file in one is called.</summary>
internal static class ExportFormats
{
    /// <summary>What is written where no format is asked for.</summary>
    public const string Default = "jsonl";

    /// <summary>Names of the formats that every table has.</summary>
    public static IReadOnlyList<string> Plain { get; } = ["jsonl", "csv"];

    /// <summary>Names of all formats: those of tables whose rows have a time.</summary>
    public static IReadOnlyList<string> All { get; } = [.. Plain, "chrome-trace"];

    /// <summary>The format of a name, or null.</summary>
    public static ExportFormat? Find(string name) => name.ToLowerInvariant() switch
    {
        "jsonl" => ExportFormat.Jsonl,
        "csv" => ExportFormat.Csv,
        "chrome-trace" => ExportFormat.ChromeTrace,
        _ => null,
    };

    /// <summary>The media type.</summary>
    public static string ContentType(ExportFormat format) => format switch
    {
        ExportFormat.Csv => "text/csv; charset=utf-8; header=present",
        ExportFormat.ChromeTrace => "application/json",
        _ => "application/jsonl; charset=utf-8",
    };

    /// <summary>A file's name, with the moment (UTC) in it.</summary>
    /// <param name="subject">What is in it: words of ours and a machine's id, never its name.</param>
    /// <param name="format">How it is written.</param>
    public static string FileName(string subject, ExportFormat format)
    {
        string extension = format switch
        {
            ExportFormat.Csv => "csv",
            ExportFormat.ChromeTrace => "trace.json",
            _ => "jsonl",
        };
        return string.Create(CultureInfo.InvariantCulture, $"hyperpatch-{subject}-{DateTime.UtcNow:yyyyMMdd-HHmmss}.{extension}");
    }
}
