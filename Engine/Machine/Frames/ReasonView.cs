namespace Hyperpatch.Engine.Machine.Frames;

/// <summary>Exits of one reason so far.</summary>
/// <param name="Reason">Reason.</param>
/// <param name="NativeName">The present vendor's name for it.</param>
/// <param name="NativeCode">The present vendor's code.</param>
/// <param name="Count">Exits.</param>
/// <param name="P50Ns">Median handling time in nanoseconds.</param>
/// <param name="P99Ns">99th percentile of the handling time in nanoseconds.</param>
public sealed record ReasonView(string Reason, string NativeName, uint NativeCode, long Count, double P50Ns, double P99Ns);
