using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Tests.Support;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>The host's breakpoints where an interrupt comes between the report and the instruction.</summary>
public sealed class BreakpointPassTests
{
    private const ulong Shared = 0x18000, SingleStep = 1 << 14;

    /// <summary>The handler comes to the same address: both are reported, each once, and on the stack that it is on.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(6)]
    public void A_handler_at_the_same_address_is_reported_too(int depth)
    {
        using CpuRig rig = new(64);
        rig.Load(
            c =>
            {
                c.nop();
                c.ret();
            },
            rip: Shared);
        rig.Load(
            c =>
            {
                c.mov(eax, (int)Shared);
                c.call(rax);
                c.iretq();
            },
            rip: CpuRig.Handlers + 16);
        rig.Load(c =>
        {
            c.mov(eax, (int)Shared);
            c.call(rax);
        });
        ulong end = rig.End;
        ((IBreakpoints)rig.Processor).SetBreakpoints([Shared]);
        List<ulong> stacks = [];
        VmExit exit = default;
        for (; ; )
        {
            rig.Processor.Run(ref exit);
            if (exit.Reason != ExitReason.Breakpoint)
            {
                break;
            }

            Assert.Equal((Shared, Shared), (exit.Address, rig.R.Rip));
            stacks.Add(rig.R.Rsp);
            if (stacks.Count <= depth)
            {
                // As if one came just now.
                rig.Cpu.PendingDebug |= SingleStep;
            }

            Assert.True(stacks.Count < 50, "reported for ever");
        }

        Assert.Equal((ExitReason.InvalidOpcode, end), (exit.Reason, rig.R.Rip));
        Assert.Equal(depth + 1, stacks.Distinct().Count());
        // Beyond four at once the oldest are reported again; none is ever missed.
        Assert.Equal(depth + 1 + Math.Max(0, depth - 3), stacks.Count);
    }

    [Fact]
    public void A_loop_at_one_address_is_reported_each_time()
    {
        using CpuRig rig = new(64);
        rig.Load(c =>
        {
            Iced.Intel.Label again = c.CreateLabel();
            c.mov(ecx, 5);
            c.Label(ref again);
            c.dec(ecx);
            c.jne(again);
        });
        ((IBreakpoints)rig.Processor).SetBreakpoints([rig.Starts[1]]);
        int hits = 0;
        VmExit exit = default;
        for (; hits < 50; hits++)
        {
            rig.Processor.Run(ref exit);
            if (exit.Reason != ExitReason.Breakpoint)
            {
                break;
            }
        }

        Assert.Equal((ExitReason.InvalidOpcode, 5), (exit.Reason, hits));
    }
}
