using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Tests.Support;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>LGDT, LIDT, LLDT, LTR, SGDT, SIDT, bases in MSRs, SWAPGS, INVLPG: what they load, store and refuse (Intel SDM vol. 2).</summary>
public sealed class SystemTableTests
{
    private const ulong NotCanonical = 0x8000_0000_0000, Upper = 0xFFFF_8000_1234_5000;
    private const int Free = CpuRig.Free;

    [Theory]
    [InlineData(true, Upper, true)]
    [InlineData(false, Upper, true)]
    [InlineData(true, NotCanonical, false)]
    [InlineData(false, NotCanonical, false)]
    public void Lgdt_and_lidt(bool isGlobal, ulong start, bool passes)
    {
        using CpuRig rig = new(64);
        rig.Write(CpuRig.DataArea, [0x34, 0x12]);
        rig.Write(CpuRig.DataArea + 2, start);
        rig.Load(c =>
        {
            if (isGlobal)
            {
                c.lgdt(__[CpuRig.DataArea]);
                c.sgdt(__[CpuRig.DataArea + 16]);
            }
            else
            {
                c.lidt(__[CpuRig.DataArea]);
                c.sidt(__[CpuRig.DataArea + 16]);
            }
        });
        rig.R.Rsp = CpuRig.StackTop;
        RigEnd end = rig.Run();
        if (!passes)
        {
            Assert.Equal((13, 0UL, rig.Starts[0]), (end.Vector, end.Error, end.Rip));
            return;
        }

        DescriptorTable table = isGlobal ? rig.Cpu.Gdt : rig.Cpu.Idt;
        Assert.Equal((ExitReason.InvalidOpcode, start, (ushort)0x1234), (end.Reason, table.Base, table.Limit));
        Assert.Equal((0x1234UL, start), (rig.Read(CpuRig.DataArea + 16, 2), rig.Read(CpuRig.DataArea + 18)));
    }

    [Theory]
    [InlineData(true, Upper, 0, -1)]
    [InlineData(false, Upper, 0, -1)]
    [InlineData(true, NotCanonical, 0, 13)]
    [InlineData(false, NotCanonical, 0, 13)]
    [InlineData(true, Upper, 1, 13)] // the second half has a type
    [InlineData(false, Upper, 1, 13)]
    [InlineData(true, Upper, 2, 11)] // absent
    [InlineData(false, Upper, 2, 11)]
    [InlineData(true, Upper, 3, 13)] // the second half is beyond the table
    [InlineData(false, Upper, 3, 13)]
    public void Ltr_and_lldt_in_64_bit_mode(bool isTask, ulong start, int what, int vector)
    {
        using CpuRig rig = new(64);
        ulong low = 0x67 | ((start & 0xFF_FFFF) << 16) | ((isTask ? 0x89UL : 0x82) << 40) | ((start & 0xFF00_0000) << 32);
        rig.SetDescriptor(Free, what == 2 ? low & ~(1UL << 47) : low);
        rig.Write(CpuRig.Gdt + Free + 8, (start >> 32) | (what == 1 ? 0x900UL << 32 : 0));
        rig.Cpu.Gdt = new DescriptorTable(CpuRig.Gdt, what == 3 ? (ushort)(Free + 14) : (ushort)0xFF);
        rig.Load(c =>
        {
            if (isTask)
            {
                c.ltr(ax);
            }
            else
            {
                c.lldt(ax);
            }
        });
        rig.R.Rax = Free;
        rig.R.Rsp = CpuRig.StackTop;
        RigEnd end = rig.Run();
        SegmentRegister loaded = isTask ? rig.Cpu.Tr : rig.Cpu.Ldt;
        if (vector >= 0)
        {
            Assert.Equal((vector, (ulong)Free, rig.Starts[0]), (end.Vector, end.Error, end.Rip));
            Assert.NotEqual(Free, loaded.Selector);
            return;
        }

        Assert.Equal((ExitReason.InvalidOpcode, Free, start, 0x67u), (end.Reason, loaded.Selector, loaded.Base, loaded.Limit));
        // LTR marks the descriptor busy.
        Assert.Equal(isTask ? 0x8BUL : 0x82, rig.Read(CpuRig.Gdt + Free + 5, 1));
    }

    [Theory]
    [InlineData(0xC000_0082, true)]
    [InlineData(0xC000_0083, true)]
    [InlineData(0xC000_0100, true)]
    [InlineData(0xC000_0101, true)]
    [InlineData(0xC000_0102, true)]
    [InlineData(0x175, true)]
    [InlineData(0x176, true)]
    [InlineData(0xC000_0081, false)] // STAR holds selectors
    public void Wrmsr_of_a_base(uint index, bool isAddress)
    {
        foreach (ulong value in (ulong[])[Upper, NotCanonical])
        {
            using CpuRig rig = new(64);
            rig.Load(c => c.wrmsr());
            (rig.R.Rcx, rig.R.Rax, rig.R.Rdx) = (index, (uint)value, value >> 32);
            rig.R.Rsp = CpuRig.StackTop;
            RigEnd end = rig.Run();
            if (isAddress && value == NotCanonical)
            {
                Assert.Equal((13, 0UL, rig.Starts[0], 0UL), (end.Vector, end.Error, end.Rip, rig.GetMsr(index)));
            }
            else
            {
                Assert.Equal((ExitReason.InvalidOpcode, value), (end.Reason, rig.GetMsr(index)));
            }
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Bases_in_registers_are_checked_too(bool isFs)
    {
        foreach (ulong value in (ulong[])[Upper, NotCanonical])
        {
            using CpuRig rig = new(64, cpl: 3);
            rig.Load(c =>
            {
                if (isFs)
                {
                    c.wrfsbase(rax);
                    c.rdfsbase(rbx);
                }
                else
                {
                    c.wrgsbase(rax);
                    c.rdgsbase(rbx);
                }
            });
            rig.Cpu.Cr4 |= 1 << 16;
            rig.R.Rax = value;
            RigEnd end = rig.Run();
            Assert.Equal(value == Upper ? (-1, Upper) : (13, 0UL), (end.Vector, rig.R.Rbx));
        }
    }

    [Fact]
    public void Swapgs_exchanges_the_bases_and_nothing_else()
    {
        using CpuRig rig = new(64);
        rig.Load(c => c.swapgs());
        rig.SetMsr(0xC000_0101, Upper);
        rig.SetMsr(0xC000_0102, 0x5000);
        SegmentRegister before = rig.Cpu.Segments[Seg.Gs];
        Assert.Equal(ExitReason.InvalidOpcode, rig.Run().Reason);
        SegmentRegister after = rig.Cpu.Segments[Seg.Gs];
        Assert.Equal((0x5000UL, Upper), (after.Base, rig.GetMsr(0xC000_0102)));
        Assert.Equal((before.Selector, before.Access, before.Limit), (after.Selector, after.Access, after.Limit));
    }

    [Theory]
    [InlineData("invlpg")]
    [InlineData("cr3")]
    [InlineData("cr4")]
    public void A_translation_is_gone_behind(string how)
    {
        using CpuRig rig = new(64);
        const ulong Page = 0x40_0000;
        rig.Write(Page, 11UL);
        rig.Write(0x60_0000, 22UL);
        rig.Load(c =>
        {
            c.mov(rbx, __qword_ptr[Page]);
            // The page is now another.
            c.mov(__byte_ptr[CpuRig.Tables + 0x2000 + 18], 0x60);
            switch (how)
            {
                case "invlpg":
                    c.invlpg(__byte_ptr[Page + 0x123]);
                    break;
                case "cr3":
                    c.mov(rax, cr3);
                    c.mov(cr3, rax);
                    break;
                default:
                    c.mov(rax, cr4);
                    c.xor(eax, 0x80);
                    c.mov(cr4, rax);
                    break;
            }

            c.mov(rcx, __qword_ptr[Page]);
        });
        RigEnd end = rig.Run();
        Assert.Equal((ExitReason.InvalidOpcode, 11UL, 22UL), (end.Reason, rig.R.Rbx, rig.R.Rcx));
    }
}
