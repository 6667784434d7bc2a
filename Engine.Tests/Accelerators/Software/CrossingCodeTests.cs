using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>An instruction that lies on two pages follows the translation of either.</summary>
public sealed class CrossingCodeTests
{
    private const ulong Linear = 0x40_0000;

    [Theory]
    [InlineData(0x60_0000, 0)]
    [InlineData(0, 0x60_0000)]
    [InlineData(0x60_0000, 0x20_0000)]
    public void The_second_page_is_another_one_after_the_tables_say_so(ulong first, ulong then)
    {
        using CpuRig rig = new(64);
        // mov eax, imm32; ret: the immediate's upper half is on the second page.
        rig.Write(Linear - 3, [0xB8, 0x11, 0x11]);
        rig.Write(first, [0x22, 0x22, 0xC3]);
        rig.Write(then, [0x33, 0x33, 0xC3]);
        const ulong Entry = CpuRig.Tables + 0x2000 + (2 * 8);
        rig.Write(Entry, first | 0xE7);
        rig.Load(c =>
        {
            c.mov(rsi, Linear - 3);
            c.call(rsi);
            c.mov(ebx, eax);
            c.mov(rcx, then | 0xE7);
            c.mov(__qword_ptr[Entry], rcx);
            c.mov(rcx, cr3);
            c.mov(cr3, rcx);
            c.call(rsi);
        });
        Assert.Equal(ExitReason.InvalidOpcode, rig.Run().Reason);
        Assert.Equal(0x2222_1111UL, rig.R.Rbx);
        Assert.Equal(0x3333_1111UL, rig.R.Rax);
    }
}
