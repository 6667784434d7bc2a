using System.Diagnostics;
using Hyperpatch.Engine.Tests.Support;

namespace Hyperpatch.Engine.Tests.Accelerators.Software.Fuzz;

/// <summary>
/// Random code over random page and descriptor tables: nothing of it may upset the host, hang it, or reach memory that is not the
/// guest's. HYPERPATCH_FUZZ_SECONDS makes each of these tests last longer.
/// </summary>
public sealed class FuzzTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(FuzzMode.Real)]
    [InlineData(FuzzMode.Flat)]
    [InlineData(FuzzMode.Legacy)]
    [InlineData(FuzzMode.Pae)]
    [InlineData(FuzzMode.Long)]
    public void Nothing_a_guest_does_upsets_the_host(FuzzMode mode)
    {
        Random seeds = Seed.NewRandom();
        using FuzzRun run = new();
        int seed = 0, count = 0;
        long beginning = Stopwatch.GetTimestamp(), latest = beginning;
        Exception? failure = null;
        // On a thread of its own: one that hangs is to be found out about.
        Thread thread = new(() =>
        {
            try
            {
                while (Stopwatch.GetElapsedTime(beginning) < FuzzBudget.Time)
                {
                    seed = seeds.Next();
                    Volatile.Write(ref latest, Stopwatch.GetTimestamp());
                    run.Once(mode, seed);
                    count++;
                }
            }
#pragma warning disable CA1031 // Whatever it is belongs into the test's report, with the seed.
            catch (Exception e)
#pragma warning restore CA1031
            {
                failure = e;
            }
        })
        { IsBackground = true };
        thread.Start();
        while (!thread.Join(50))
        {
            if (Stopwatch.GetElapsedTime(Volatile.Read(ref latest)) > s_patience)
            {
                Assert.Fail($"{mode}, seed {seed}: hangs.");
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{count} guests, {run.Exits} exits.");
        Assert.True(failure is null, $"{mode}, seed {seed}, after {count} guests: {failure}");
    }
}
