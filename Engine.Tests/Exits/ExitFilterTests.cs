using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;

namespace Hyperpatch.Engine.Tests.Exits;

public sealed class ExitFilterTests
{
    private static readonly ExitRecord[] s_records =
    [
        new() { Reason = ExitReason.PortIo, Port = 0x3F8, Rip = 0x1000, Processor = 0 },
        new() { Reason = ExitReason.PortIo, Port = 5, Rip = 0x1FFF, Processor = 1, Value0 = 7 },
        new() { Reason = ExitReason.Hypercall, Rip = 0x2000, Value0 = 5, Outcome = InterceptionOutcome.Served, Processor = 1 },
        new() { Reason = ExitReason.InvalidOpcode, Rip = ulong.MaxValue, Value0 = 5, Outcome = InterceptionOutcome.Emulated },
        new() { Reason = ExitReason.InvalidOpcode, Rip = 0x3000, Value0 = 5, Outcome = InterceptionOutcome.Patched },
    ];

    public static TheoryData<ExitFilter, int[]> Cases => new()
    {
        { default, [0, 1, 2, 3, 4] },
        { new ExitFilter { Reason = ExitReason.PortIo }, [0, 1] },
        { new ExitFilter { Processor = 1 }, [1, 2] },
        { new ExitFilter { RipFrom = 0x2000 }, [2, 3, 4] },
        { new ExitFilter { RipTo = 0x1FFF }, [0, 1] },
        { new ExitFilter { RipFrom = 0x1FFF, RipTo = 0x2000 }, [1, 2] },
        { new ExitFilter { RipFrom = ulong.MaxValue }, [3] },
        // A hypercall number is no port, and a port's value no hypercall.
        { new ExitFilter { Port = 5 }, [1] },
        { new ExitFilter { Hypercall = 5 }, [2, 3] },
        { new ExitFilter { Hypercall = 7 }, [] },
        { new ExitFilter { Port = 0x3F8, Processor = 1 }, [] },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void What_is_asked_for_together_is_met_together(ExitFilter filter, int[] expected)
    {
        Assert.Equal(expected, Enumerable.Range(0, s_records.Length).Where(i => filter.Matches(s_records[i])));
        Assert.Equal(expected.Length == s_records.Length, filter.IsEmpty);
    }
}
