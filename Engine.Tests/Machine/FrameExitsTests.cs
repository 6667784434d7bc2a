using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine.Frames;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>Which exits a frame carries.</summary>
public sealed class FrameExitsTests
{
    [Theory]
    [InlineData(InterceptionOutcome.None)]
    [InlineData(InterceptionOutcome.Emulated)]
    [InlineData(InterceptionOutcome.Injected)]
    public void One_patch_among_thousands_of_others_is_carried_wherever_it_stands(InterceptionOutcome others)
    {
        foreach (int place in new[] { 1, 40, 700, 3000 })
        {
            List<ExitRecord> chosen = Choose(3000, sequence => sequence == place ? InterceptionOutcome.Patched : others);
            Assert.Equal(MachineFrame.MostEvents, chosen.Count);
            Assert.Single(chosen, record => record.Outcome == InterceptionOutcome.Patched);
            Assert.Equal(3000, chosen[^1].Sequence);
        }
    }

    [Fact]
    public void Of_many_patches_the_newest_are_carried_and_the_latest_exits_beside_them()
    {
        List<ExitRecord> chosen = Choose(1000, sequence => sequence <= 100 ? InterceptionOutcome.Patched : InterceptionOutcome.None);
        Assert.Equal(Enumerable.Range(69, 32).Concat(Enumerable.Range(969, 32)), chosen.Select(record => (int)record.Sequence));
    }

    [Fact]
    public void Patches_alone_fill_a_frame()
    {
        List<ExitRecord> chosen = Choose(1000, _ => InterceptionOutcome.Patched);
        Assert.Equal(Enumerable.Range(937, 64), chosen.Select(record => (int)record.Sequence));
    }

    [Fact]
    public void All_of_a_few_are_carried_in_their_order()
    {
        List<ExitRecord> chosen = Choose(50, sequence => (InterceptionOutcome)(sequence % 10));
        Assert.Equal(Enumerable.Range(1, 50), chosen.Select(record => (int)record.Sequence));
    }

    private static List<ExitRecord> Choose(int count, Func<int, InterceptionOutcome> outcome)
    {
        FrameExits exits = new(count);
        for (int sequence = 1; sequence <= count; sequence++)
        {
            exits.Take(new ExitRecord { Sequence = sequence, Outcome = outcome(sequence) });
        }

        return [.. exits.Choose()];
    }
}
