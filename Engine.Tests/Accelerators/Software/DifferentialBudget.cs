using System.Globalization;
using Hyperpatch.Engine.Tests.Support;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>How much the differential tests compare; the environment variable HYPERPATCH_DIFFERENTIAL_ROUNDS makes it more, from a new seed.</summary>
internal static class DifferentialBudget
{
    /// <summary>Seed of the first round, those of the others follow it, and the number of rounds.</summary>
    /// <param name="seed">Number of the test: the seeds where nothing else is asked for.</param>
    /// <param name="rounds">Rounds where nothing else is asked for.</param>
    public static (int FirstSeed, int Rounds) Of(int seed, int rounds) =>
        int.TryParse(Environment.GetEnvironmentVariable("HYPERPATCH_DIFFERENTIAL_ROUNDS"), NumberStyles.Integer, CultureInfo.InvariantCulture, out int asked)
            ? (Seed.NewRandom().Next(int.MaxValue / 2), asked)
            : (seed * 10_000, rounds);

    /// <summary>Says in the test's output what was compared.</summary>
    /// <param name="count">Sequences.</param>
    /// <param name="firstSeed">Seed of the first round.</param>
    public static void Report(long count, int firstSeed) =>
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count} sequences from seed {firstSeed} on."));
}
