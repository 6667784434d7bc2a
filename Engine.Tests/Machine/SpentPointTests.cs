using Hyperpatch.Engine.Machine.PausePoints;
using Hyperpatch.Engine.Tests.Support;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>A point for once that a processor meets while a command exchanges the points.</summary>
public sealed class SpentPointTests
{
    [Theory]
    [InlineData(PausePointKind.Patch)]
    [InlineData(PausePointKind.Address)]
    public void One_that_was_met_does_not_come_back(PausePointKind kind)
    {
        using TestMachine machine = TestMachine.Create(Backend.Software, b => b.Halt());
        PausePoint once = machine.Machine.AddPausePoint(new PausePointOptions { Kind = kind, Address = 0x5000, Once = true });
        // As far as a processor gets before the command has read the points.
        Assert.True(once.TryHit());
        PausePoint other = machine.Machine.AddPausePoint(new PausePointOptions { Kind = PausePointKind.InvalidOpcode });
        Assert.Equal([other], machine.Machine.PausePoints);
    }
}
