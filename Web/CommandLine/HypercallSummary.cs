namespace Hyperpatch.Web.CommandLine;

/// <summary>Hypercalls in a summary.</summary>
/// <param name="Total">All.</param>
/// <param name="ByNumber">By number; those without a name together as <c>other</c>.</param>
internal sealed record HypercallSummary(long Total, IReadOnlyDictionary<string, long> ByNumber);
