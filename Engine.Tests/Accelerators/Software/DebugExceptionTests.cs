using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>#DB: what raises it, where its frame points, what DR6 says (Intel SDM vol. 3, 18.2 and 18.3; AMD APM vol. 2, 13.1).</summary>
public sealed class DebugExceptionTests
{
    private const ulong Trap = 0x100, Resume = 0x1_0000, SingleStep = 1 << 14, Detected = 1 << 13, General = 1 << 13, Dr6 = 0xFFFF_0FF0;
    private const int Write = 1, Any = 3;

    /// <summary>SDM vol. 3, 18.2.4 and 18.3.1.3: a fault, before the access; the handler is entered with GD clear.</summary>
    [Theory]
    [InlineData("read")]
    [InlineData("write")]
    public void General_detect_is_a_fault_of_the_move(string direction)
    {
        using CpuRig rig = new(64);
        rig.Load(c =>
        {
            c.mov(dr7, rcx);
            if (direction == "read")
            {
                c.mov(rax, dr0);
            }
            else
            {
                c.mov(dr0, rax);
            }
        });
        rig.R.Rcx = 0x400 | General;
        rig.R.Rax = 77;
        RigEnd end = rig.Run();
        Assert.Equal((1, rig.Starts[1], Dr6 | Detected, 0x400UL), (end.Vector, end.Rip, rig.Cpu.Dr[6], rig.Cpu.Dr[7]));
        Assert.Equal((77UL, 0UL, Resume), (rig.R.Rax, rig.Cpu.Dr[0], end.Flags & Resume));
    }

    [Fact]
    public void General_detect_comes_behind_the_privilege_check()
    {
        using CpuRig rig = new(64, cpl: 3);
        rig.Load(c => c.mov(rax, dr0));
        rig.Cpu.Dr[7] = 0x400 | General;
        RigEnd end = rig.Run();
        Assert.Equal((13, Dr6), (end.Vector, rig.Cpu.Dr[6]));
    }

    [Fact]
    public void A_code_breakpoint_is_a_fault_and_RF_passes_it_once()
    {
        using CpuRig rig = new(64);
        rig.Load(c =>
        {
            c.nop();
            c.inc(rax);
            c.cmp(eax, 2);
            c.jne(c.@F);
            c.AnonymousLabel();
            c.nop();
        });
        ulong site = rig.Starts[1];
        rig.Cpu.Dr[0] = site;
        rig.Cpu.Dr[7] = 0x401;
        rig.R.Rax = 0;
        rig.Cpu.StateChanged(0);
        RigEnd end = rig.Run();
        Assert.Equal((1, site, Dr6 | 1, 0UL), (end.Vector, end.Rip, rig.Cpu.Dr[6], rig.R.Rax));
        // On again as IRET with RF would.
        rig.R.Rip = site;
        rig.R.Rflags |= Resume;
        rig.Cpu.StateChanged(0);
        end = rig.Run();
        Assert.Equal((ExitReason.InvalidOpcode, rig.End, 1UL, 0UL), (end.Reason, rig.R.Rip, rig.R.Rax, rig.R.Rflags & Resume));
    }

    /// <summary>SDM vol. 3, 6.8.3: after MOV SS and POP SS, no single step and no code breakpoint; data breakpoints wait.</summary>
    [Theory]
    [InlineData("mov")]
    [InlineData("pop")]
    public void No_trap_behind_a_load_of_SS(string form)
    {
        using CpuRig rig = new(form == "pop" ? 32 : 64);
        rig.Load(c =>
        {
            if (form == "mov")
            {
                c.mov(ss, eax);
            }
            else
            {
                c.pop(ss);
            }

            c.nop();
            c.nop();
        });
        rig.R.Rax = CpuRig.Data;
        rig.R.Rsp = CpuRig.StackTop;
        rig.Write(CpuRig.StackTop, CpuRig.Data);
        rig.R.Rflags |= Trap;
        rig.Cpu.Dr[0] = rig.Starts[1];
        rig.Cpu.Dr[7] = 0x401;
        rig.Cpu.StateChanged(0);
        RigEnd end = rig.Run();
        Assert.Equal((1, rig.Starts[2], Dr6 | SingleStep), (end.Vector, end.Rip, rig.Cpu.Dr[6]));
    }

    [Fact]
    public void A_data_breakpoint_of_a_load_of_SS_waits_for_the_next_instruction()
    {
        using CpuRig rig = new(64);
        rig.Load(c =>
        {
            c.mov(ss, __word_ptr[rsi]);
            c.nop();
            c.nop();
        });
        rig.R.Rsi = CpuRig.DataArea;
        rig.R.Rsp = CpuRig.StackTop;
        rig.Write(CpuRig.DataArea, CpuRig.Data);
        rig.Cpu.Dr[3] = CpuRig.DataArea;
        rig.Cpu.Dr[7] = DataBreakpointTests.Control(3, Any, 2);
        rig.Cpu.StateChanged(0);
        RigEnd end = rig.Run();
        Assert.Equal((1, rig.Starts[2], Dr6 | 8), (end.Vector, end.Rip, rig.Cpu.Dr[6]));
    }

    [Fact]
    public void A_single_step_of_a_repeated_string_is_one_iteration()
    {
        using CpuRig rig = new(64);
        rig.Load(c => c.rep.movsb());
        rig.R.Rsi = CpuRig.DataArea;
        rig.R.Rdi = CpuRig.DataArea + 64;
        rig.R.Rcx = 3;
        rig.R.Rsp = CpuRig.StackTop;
        rig.R.Rflags |= Trap;
        rig.Cpu.StateChanged(0);
        RigEnd end = rig.Run();
        Assert.Equal((1, rig.Starts[0], 2UL, Resume), (end.Vector, end.Rip, rig.R.Rcx, end.Flags & Resume));
        Assert.Equal(Dr6 | SingleStep, rig.Cpu.Dr[6]);
    }

    [Fact]
    public void A_single_step_of_HLT_wakes_it()
    {
        using CpuRig rig = new(64);
        rig.Load(c => c.hlt());
        rig.R.Rsp = CpuRig.StackTop;
        rig.R.Rflags |= Trap;
        rig.Cpu.StateChanged(0);
        RigEnd end = rig.Run();
        Assert.Equal((1, rig.End), (end.Vector, end.Rip));
    }

    /// <summary>AMD APM vol. 3, SYSCALL; the same on Intel: TF counts as it is behind the instruction.</summary>
    [Theory]
    [InlineData(0x100, false)]
    [InlineData(0, true)]
    public void A_single_step_of_SYSCALL_is_the_masks_to_decide(int mask, bool traps)
    {
        using CpuRig rig = new(64, cpl: 3);
        rig.Load(c => c.ud2(), rip: 0x18000);
        ulong entry = rig.R.Rip;
        rig.Load(c => c.syscall());
        rig.Cpu.Efer |= 1;
        rig.SetMsr(0xC000_0081, ((ulong)CpuRig.Code64 << 32) | (0x1BUL << 48));
        rig.SetMsr(0xC000_0082, entry);
        rig.SetMsr(0xC000_0084, (ulong)mask);
        rig.R.Rsp = CpuRig.StackTop;
        rig.R.Rflags |= Trap;
        rig.Cpu.StateChanged(3);
        RigEnd end = rig.Run();
        if (traps)
        {
            Assert.Equal((1, entry, CpuRig.Code64), (end.Vector, end.Rip, end.Cs));
        }
        else
        {
            Assert.Equal((ExitReason.InvalidOpcode, entry), (end.Reason, rig.R.Rip));
            Assert.Equal(Trap, rig.R.R11 & Trap);
        }
    }

    [Fact]
    public void TF_that_SYSRET_loads_traps_before_the_first_instruction()
    {
        using CpuRig rig = new(64);
        rig.Load(c => c.ud2(), rip: 0x18000);
        ulong target = rig.R.Rip;
        rig.Load(c => c.sysretq());
        rig.Cpu.Efer |= 1;
        rig.SetMsr(0xC000_0081, 0x1BUL << 48);
        rig.R.Rcx = target;
        rig.R.R11 = Trap | 2;
        RigEnd end = rig.Run();
        Assert.Equal((1, target, CpuRig.UserCode64), (end.Vector, end.Rip, end.Cs));
    }

    [Fact]
    public void Breakpoints_and_pending_hits_survive_a_save()
    {
        using CpuRig first = new(64), second = new(64);
        first.Cpu.Dr[1] = CpuRig.DataArea;
        first.Cpu.Dr[7] = DataBreakpointTests.Control(1, Write, 4);
        first.Cpu.StateChanged(0);
        first.Cpu.PendingDebug = 2;
        second.Processor.Restore(first.Processor.Save());
        Assert.True(second.Cpu.IsWatchingData);
        Assert.Equal(2UL, second.Cpu.PendingDebug);
        second.Load(c => c.nop());
        RigEnd end = second.Run();
        Assert.Equal((1, second.Starts[0], Dr6 | 2), (end.Vector, end.Rip, second.Cpu.Dr[6]));
    }

    [Fact]
    public void Sysenter_is_stepped_over_with_TF_as_it_was()
    {
        using CpuRig rig = new(64, cpl: 3);
        rig.Load(c => c.nop(), rip: 0x18000);
        ulong entry = rig.R.Rip;
        rig.Load(c => c.sysenter());
        rig.SetMsr(0x174, CpuRig.Code64);
        rig.SetMsr(0x175, CpuRig.InnerStack);
        rig.SetMsr(0x176, entry);
        rig.R.Rflags |= Trap;
        rig.Cpu.StateChanged(3);
        RigEnd end = rig.Run();
        Assert.Equal((1, entry, CpuRig.Code64, Trap), (end.Vector, end.Rip, end.Cs, end.Flags & Trap));
    }

    /// <summary>SDM vol. 2, POPF: RF is cleared; IRET loads it.</summary>
    [Fact]
    public void Popf_cannot_pass_a_breakpoint_and_iret_can()
    {
        foreach (bool isReturn in (bool[])[true, false])
        {
            using CpuRig rig = new(64);
            rig.Load(c =>
            {
                if (isReturn)
                {
                    c.iretq();
                }
                else
                {
                    c.popfq();
                }

                c.nop();
            });
            ulong site = rig.Starts[1];
            ulong[] frame = isReturn ? [site, CpuRig.Code64, Resume | 2, CpuRig.StackTop, CpuRig.Data] : [Resume | 2];
            for (int i = 0; i < frame.Length; i++)
            {
                rig.Write(CpuRig.StackTop + (ulong)(i * 8), frame[i]);
            }

            rig.Cpu.Dr[0] = site;
            rig.Cpu.Dr[7] = 0x401;
            rig.Cpu.StateChanged(0);
            RigEnd end = rig.Run();
            Assert.Equal(isReturn ? -1 : 1, end.Vector);
        }
    }

    /// <summary>SDM vol. 2, INT n/INTO/INT3/INT1: a trap, and the gate's DPL does not count.</summary>
    [Fact]
    public void Int1_is_a_trap_whatever_the_gates_DPL()
    {
        using CpuRig rig = new(64, cpl: 3);
        rig.Load(c => c.int1());
        RigEnd end = rig.Run();
        Assert.Equal((1, rig.End, CpuRig.UserCode64, Dr6), (end.Vector, end.Rip, end.Cs, rig.Cpu.Dr[6]));
    }
}
