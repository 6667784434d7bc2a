using Hyperpatch.Engine.Exits;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Frames;

namespace Hyperpatch.Engine.Tests.Web;

public sealed class FrameFilterTests
{
    [Fact]
    public void Filters_that_mean_the_same_become_equal()
    {
        FrameFilter? one = new FrameFilter { Reason = "portio", Processor = 1 }.Normalize(2).Value;
        FrameFilter? other = new FrameFilter { Reason = "PORTIO", Processor = 1 }.Normalize(2).Value;

        Assert.Equal(nameof(ExitReason.PortIo), one?.Reason);
        Assert.Equal(one, other);
        Assert.Equal(FrameFilter.All, new FrameFilter().Normalize(1).Value);
    }

    [Theory]
    [InlineData("None", null, 64, "reason")]
    [InlineData("5", null, 64, "reason")]
    [InlineData("", null, 64, "reason")]
    [InlineData("Nonsense", null, 64, "reason")]
    [InlineData(null, 2, 64, "processor")]
    [InlineData(null, -1, 64, "processor")]
    [InlineData(null, null, 65, "exits")]
    [InlineData(null, null, -1, "exits")]
    public void What_a_machine_of_two_processors_cannot_give_is_refused(string? reason, int? processor, int exits, string field)
    {
        CommandError? error = new FrameFilter { Reason = reason, Processor = processor, Exits = exits }.Normalize(2).Error;

        Assert.Equal(CommandErrorKind.Invalid, error?.Kind);
        Assert.Equal([field], error!.Fields.Keys);
        Assert.Contains("allowed", error.Message, StringComparison.Ordinal);
    }
}
