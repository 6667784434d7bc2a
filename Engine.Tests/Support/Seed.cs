using System.Globalization;

namespace Hyperpatch.Engine.Tests.Support;

/// <summary>Random tests are repeatable: the seed is printed, and HYPERPATCH_TEST_SEED sets it.</summary>
internal static class Seed
{
    /// <summary>A generator whose seed stands in the test's output.</summary>
    public static Random NewRandom()
    {
        int seed = int.TryParse(Environment.GetEnvironmentVariable("HYPERPATCH_TEST_SEED"), NumberStyles.Integer, CultureInfo.InvariantCulture, out int given)
            ? given
            : Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"HYPERPATCH_TEST_SEED={seed}");
        return new Random(seed);
    }
}
