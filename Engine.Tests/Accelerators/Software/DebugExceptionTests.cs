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
    private const int Write = 1, Port = 2, Any = 3;

    /// <summary>Accesses to the watched bytes: kind and length of the breakpoint, its distance from the data area, what is executed, and the hit.</summary>
    public static TheoryData<int, int, int, string, bool> Accesses => new()
    {
        { Write, 1, 0, "store 8", true },
        { Write, 8, 0, "store 8", true },
        { Write, 4, 4, "store 8", true },
        { Write, 1, 7, "store 8", true },
        { Write, 1, 8, "store 8", false },
        { Write, 8, 8, "store 8", false },
        { Write, 8, 0, "load 8", false },
        { Any, 8, 0, "load 8", true },
        { Any, 2, 6, "load 8", true },
        { Any, 8, 0, "store 8", true },
        { Any, 4, 8, "load 8", false },
        { Write, 8, 0, "store 1", true },
        { Write, 8, 0, "store 4", true },
        { Any, 8, 0, "load 4", true },
        { Write, 8, 0, "add", true },
        { Any, 8, 0, "add", true },
        { Write, 8, 0, "compare", false },
        { Any, 8, 0, "compare", true },
        { Write, 8, 0, "locked add", true },
        { Write, 8, 0, "exchange", true },
        { Write, 8, 0, "push", true },
        { Any, 8, 0, "pop", true },
        { Write, 8, 0, "pop", false },
        { Write, 8, 0, "call", true },
        { Write, 1, 15, "movups", true },
        { Any, 8, 8, "movups load", true },
        { Write, 8, 0, "stosq", true },
        { Any, 8, 0, "lodsq", true },
        { Write, 4, 4, "fxsave", true },
        { Write, 8, 0, "sgdt", true },
        { Write, 8, 0, "lea", false },
        { Write, 8, 0, "prefetch", false },
        { Write, 8, 0, "store across pages", false },
        { Any, 1, 0xFFF, "load across pages", true },
        { Write, 1, 0x1000, "store across pages", true },
    };

    [Theory, MemberData(nameof(Accesses))]
    public void A_data_breakpoint_is_a_trap_behind_the_access(int kind, int length, int distance, string access, bool hits)
    {
        using CpuRig rig = new(64);
        rig.Load(c =>
        {
            // The page is in use already when the breakpoint is set.
            c.mov(__qword_ptr[CpuRig.DataArea + 64], rax);
            c.mov(rbx, __qword_ptr[CpuRig.DataArea + 64]);
            c.mov(dr2, rdx);
            c.mov(dr7, rcx);
            Emit(c, access);
            c.nop();
        });
        rig.R.Rdx = CpuRig.DataArea + (ulong)distance;
        rig.R.Rcx = Control(2, kind, length);
        rig.R.Rsi = rig.R.Rdi = rig.R.Rsp = CpuRig.DataArea + (access is "push" or "call" ? 8UL : 0);
        rig.Cpu.Cr4 |= 0x600;
        // The handler's frame is not to be in the watched area.
        UseInterruptStack(rig);
        RigEnd end = rig.Run();
        if (!hits)
        {
            Assert.Equal((ExitReason.InvalidOpcode, rig.End), (end.Reason, rig.R.Rip));
            Assert.Equal(Dr6, rig.Cpu.Dr[6]);
            return;
        }

        // CALL goes to the NOP behind it.
        Assert.Equal((1, rig.Starts[5]), (end.Vector, end.Rip));
        Assert.Equal(Dr6 | 4, rig.Cpu.Dr[6]);
        Assert.Equal(0UL, end.Flags & Resume);
    }

    [Theory]
    [InlineData(0x80, 1, 0x80, true)]
    [InlineData(0x80, 1, 0x81, false)]
    [InlineData(0x80, 4, 0x83, true)]
    [InlineData(0x82, 4, 0x81, true)] // the breakpoint's low bits do not count
    [InlineData(0x84, 4, 0x83, false)]
    public void A_port_breakpoint_needs_DE(int port, int length, int accessed, bool hits)
    {
        foreach (bool hasDe in (bool[])[true, false])
        {
            using CpuRig rig = new(64);
            rig.Load(c =>
            {
                c.mov(dr0, rdx);
                c.mov(dr7, rcx);
                c.mov(edx, accessed);
                c.@out(dx, al);
                c.nop();
            });
            rig.Cpu.Cr4 |= hasDe ? 8UL : 0;
            rig.R.Rdx = (ulong)port;
            rig.R.Rcx = Control(0, Port, length);
            RigEnd end = rig.Run();
            Assert.Equal([accessed], rig.Ports);
            if (hits && hasDe)
            {
                Assert.Equal((1, rig.Starts[4], Dr6 | 1), (end.Vector, end.Rip, rig.Cpu.Dr[6]));
            }
            else
            {
                Assert.Equal((ExitReason.InvalidOpcode, rig.End), (end.Reason, rig.R.Rip));
            }
        }
    }

    [Fact]
    public void A_repeated_string_stops_behind_the_element_that_hits()
    {
        using CpuRig rig = new(64);
        rig.Load(c =>
        {
            c.mov(dr0, rdx);
            c.mov(dr7, rbx);
            c.rep.stosb();
        });
        rig.R.Rdx = CpuRig.DataArea + 5;
        rig.R.Rbx = Control(0, Write, 1);
        rig.R.Rdi = CpuRig.DataArea;
        rig.R.Rcx = 16;
        RigEnd end = rig.Run();
        Assert.Equal((1, rig.Starts[2], 10UL, CpuRig.DataArea + 6), (end.Vector, end.Rip, rig.R.Rcx, rig.R.Rdi));
        // SDM vol. 3, 18.3.1.1: RF is set in the frame between two iterations.
        Assert.Equal(Resume, end.Flags & Resume);
    }

    [Fact]
    public void A_breakpoint_that_is_taken_away_costs_nothing_more()
    {
        using CpuRig rig = new(64);
        rig.Load(c =>
        {
            c.mov(dr0, rdx);
            c.mov(dr7, rcx);
            c.mov(ecx, 0x400);
            c.mov(dr7, rcx);
            c.mov(__qword_ptr[CpuRig.DataArea], rax);
        });
        rig.R.Rdx = CpuRig.DataArea;
        rig.R.Rcx = Control(0, Write, 8);
        Assert.Equal(ExitReason.InvalidOpcode, rig.Run().Reason);
        Assert.False(rig.Cpu.IsWatchingData);
    }

    [Fact]
    public void An_access_that_faults_does_not_hit()
    {
        using CpuRig rig = new(64);
        rig.Load(c =>
        {
            c.mov(dr0, rdx);
            c.mov(dr7, rcx);
            c.mov(__qword_ptr[0x60_0000], rax);
        });
        rig.Unmap(0x60_0000);
        rig.R.Rdx = 0x60_0000;
        rig.R.Rcx = Control(0, Write, 8);
        RigEnd end = rig.Run();
        Assert.Equal((14, rig.Starts[2], Dr6), (end.Vector, end.Rip, rig.Cpu.Dr[6]));
    }

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
        rig.Cpu.Dr[7] = Control(3, Any, 2);
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
        first.Cpu.Dr[7] = Control(1, Write, 4);
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

    private static ulong Control(int index, int kind, int length)
    {
        ulong size = length switch { 1 => 0, 2 => 1, 8 => 2, _ => 3 };
        return 0x400 | (1UL << (index * 2)) | ((ulong)kind << (16 + (index * 4))) | (size << (18 + (index * 4)));
    }

    private static void UseInterruptStack(CpuRig rig)
    {
        rig.Write(CpuRig.Tss + 36, CpuRig.InnerStack);
        ulong gate = rig.Read(CpuRig.Idt + 16);
        rig.Write(CpuRig.Idt + 16, gate | (1UL << 32));
    }

    private static void Emit(Assembler c, string access)
    {
        AssemblerMemoryOperand data = __[CpuRig.DataArea];
        switch (access)
        {
            case "store 8":
                c.mov(__qword_ptr[CpuRig.DataArea], rax);
                return;
            case "store 4":
                c.mov(__dword_ptr[CpuRig.DataArea], eax);
                return;
            case "store 1":
                c.mov(__byte_ptr[CpuRig.DataArea], bl);
                return;
            case "load 8":
                c.mov(rax, __qword_ptr[CpuRig.DataArea]);
                return;
            case "load 4":
                c.mov(eax, __dword_ptr[CpuRig.DataArea]);
                return;
            case "add":
                c.add(__qword_ptr[CpuRig.DataArea], rax);
                return;
            case "locked add":
                c.@lock.add(__qword_ptr[CpuRig.DataArea], rax);
                return;
            case "exchange":
                c.xchg(__qword_ptr[CpuRig.DataArea], rax);
                return;
            case "compare":
                c.cmp(__qword_ptr[CpuRig.DataArea], rax);
                return;
            case "push":
                c.push(rax);
                return;
            case "pop":
                c.pop(rax);
                return;
            case "call":
                c.call(c.@F);
                c.AnonymousLabel();
                return;
            case "movups":
                c.movups(__xmmword_ptr[CpuRig.DataArea], xmm0);
                return;
            case "movups load":
                c.movups(xmm0, __xmmword_ptr[CpuRig.DataArea]);
                return;
            case "stosq":
                c.stosq();
                return;
            case "lodsq":
                c.lodsq();
                return;
            case "fxsave":
                c.fxsave64(data);
                return;
            case "sgdt":
                c.sgdt(data);
                return;
            case "lea":
                c.lea(rax, data);
                return;
            case "prefetch":
                c.prefetcht0(__byte_ptr[CpuRig.DataArea]);
                return;
            case "store across pages":
                c.mov(__qword_ptr[CpuRig.DataArea + 0xFFC], rax);
                return;
            default:
                c.mov(rax, __qword_ptr[CpuRig.DataArea + 0xFFC]);
                return;
        }
    }
}
