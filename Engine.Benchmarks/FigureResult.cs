namespace Hyperpatch.Engine.Benchmarks;

/// <summary>One measured figure.</summary>
/// <param name="Text">What was measured, and the value with its unit.</param>
/// <param name="Limit">What is asked for.</param>
/// <param name="IsMet">Whether it was met; null for a figure shown for comparison only.</param>
internal sealed record FigureResult(string Text, string Limit, bool? IsMet);
