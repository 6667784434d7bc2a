using System.Globalization;

namespace Hyperpatch.Engine.Tests.Accelerators.Software.Fuzz;

/// <summary>How long the fuzz tests look for trouble: a moment with the other tests, as long as somebody likes by hand.</summary>
internal static class FuzzBudget
{
    private const double Default = 1.5;

    /// <summary>Time for one test; the environment variable HYPERPATCH_FUZZ_SECONDS sets it.</summary>
    public static TimeSpan Time { get; } = TimeSpan.FromSeconds(
        double.TryParse(Environment.GetEnvironmentVariable("HYPERPATCH_FUZZ_SECONDS"), NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds)
            ? seconds
            : Default);
}
