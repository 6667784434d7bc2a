using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Web.Machines.Stepping;

namespace Hyperpatch.Engine.Tests.Web.Stories;

/// <summary>Single steps and what they changed.</summary>
public sealed class StepTrailTests
{
    [Fact]
    public async Task Steps_of_several_people_at_once_are_told_one_by_one()
    {
        using TestMachine test = Nops();
        StepTrail trail = new();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (int i = 0; i < 12; i++)
            {
                trail.Step(test.Machine, 0);
            }
        })));

        StepView[] steps = [.. trail.Steps];
        Assert.Equal(Enumerable.Range(1, 48).Select(number => (long)number), steps.Select(step => step.Number));
        Assert.All(steps.Zip(steps.Skip(1)), pair => Assert.Equal(Rip(pair.First).After, Rip(pair.Second).Before));
    }

    [Fact]
    public void As_many_are_kept_as_there_is_room_for_the_latest()
    {
        using TestMachine test = Nops();
        StepTrail trail = new();
        for (int i = 0; i < StepTrail.Capacity + 5; i++)
        {
            trail.Step(test.Machine, 0);
        }

        Assert.Equal((StepTrail.Capacity, 6L, StepTrail.Capacity + 5L), (trail.Steps.Length, trail.Steps[0].Number, trail.LatestOf(0)!.Number));
        trail.Clear();
        Assert.Empty(trail.Steps);
    }

    // Stepped once: before its first instruction a processor has no registers to compare with.
    private static TestMachine Nops()
    {
        TestMachine test = TestMachine.Create(Backend.Software, image =>
        {
            for (int i = 0; i < 200; i++)
            {
                image.Code.nop();
            }

            image.Exit(0);
        });
        test.Machine.Step(0);
        return test;
    }

    private static RegisterChange Rip(StepView step) => Assert.Single(step.Changes, change => change.Name == "RIP");
}
