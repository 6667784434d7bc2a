using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Data and I/O breakpoints: which accesses hit, and where #DB comes (Intel SDM vol. 3, 18.2.4 and 18.2.5).</summary>
public sealed class DataBreakpointTests
{
    private const ulong Resume = 0x1_0000, Dr6 = 0xFFFF_0FF0;
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

    internal static ulong Control(int index, int kind, int length)
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
