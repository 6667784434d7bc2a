using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Web.Machines;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>The latest exits of a filter, as the exits pane looks for them again and again.</summary>
public sealed class LatestExitsTests
{
    private static readonly ExitFilter s_port = new() { Port = 0x3F8 };

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(7)]
    [InlineData(1000)]
    public void They_are_the_last_of_all_that_fit_and_each_comes_once(int most)
    {
        using TestMachine test = TestMachine.Run(Backend.Software, image =>
        {
            image.Print("thirty and some characters more");
            image.Code.mov(Iced.Intel.AssemblerRegisters.eax, 1);
            image.Code.vmcall();
            image.Exit(0);
        });
        using ManagedMachine machine = new(test.Machine);
        IReadOnlyList<ExitEvent> all = machine.Exits(0, 1000, s_port);
        Assert.InRange(all.Count, 31, 100);

        long position = 0;
        IReadOnlyList<ExitEvent> latest = machine.Latest(ref position, most, s_port);

        Assert.Equal(all.TakeLast(most).Select(exit => exit.Sequence), latest.Select(exit => exit.Sequence));
        Assert.Equal(test.Machine.Journal.LastSequence, position);
        Assert.Empty(machine.Latest(ref position, most, s_port));
    }
}
