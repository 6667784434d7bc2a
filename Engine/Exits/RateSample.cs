namespace Hyperpatch.Engine.Exits;

/// <summary>Exits a second over one step of a <see cref="RateHistory"/>.</summary>
/// <param name="Timestamp">End of the step, in ticks of <see cref="System.Diagnostics.Stopwatch"/>.</param>
/// <param name="Vendor">Index in <see cref="Vendors.CpuVendor.All"/> of the vendor that the guest saw at its end.</param>
/// <param name="Rates">Exits a second, by <see cref="ExitReason"/>.</param>
public sealed record RateSample(long Timestamp, int Vendor, IReadOnlyList<float> Rates);
