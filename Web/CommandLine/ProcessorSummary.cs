namespace Hyperpatch.Web.CommandLine;

/// <summary>A processor in a summary.</summary>
/// <param name="Index">Its index.</param>
/// <param name="Exits">Its exits by reason.</param>
internal sealed record ProcessorSummary(int Index, IReadOnlyDictionary<string, long> Exits);
