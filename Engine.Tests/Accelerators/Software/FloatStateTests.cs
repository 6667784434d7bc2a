using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>When x87 and XSAVE instructions are exceptions, and what XSAVE keeps. In software only, as the SSE ones.</summary>
public sealed class FloatStateTests
{
    private const int MonitorCoprocessor = 2, Emulated = 4, TaskSwitched = 8, NumericError = 0x20;
    private const int OsXsave = 0x40000;

    [Theory]
    [InlineData(Emulated, "load", 7)]
    [InlineData(TaskSwitched, "load", 7)]
    [InlineData(TaskSwitched | MonitorCoprocessor, "wait", 7)]
    [InlineData(TaskSwitched, "fxsave", 7)]
    [InlineData(NumericError, "unmasked division, then wait", 16)]
    [InlineData(NumericError, "unmasked division, then load", 16)]
    [InlineData(0, "xgetbv without OSXSAVE", 6)]
    [InlineData(0, "xsave without OSXSAVE", 6)]
    [InlineData(0, "xsetbv without x87", 13)]
    [InlineData(0, "xsetbv with what is not there", 13)]
    [InlineData(0, "xsave misaligned", 13)]
    [InlineData(TaskSwitched, "xsave", 7)]
    [InlineData(0, "xrstor of what is not there", 13)]
    [InlineData(0, "ldmxcsr of what is not there", 13)]
    public void An_instruction_that_may_not_run_is_an_exception(int cr0Set, string what, int vector)
    {
        using TestMachine machine = TestMachine.Create(Backend.Software, b =>
        {
            Assembler c = b.Code;
            b.ExpectException("end");
            ulong area = b.Reserve(640, 64);
            c.fninit();
            if (!what.EndsWith("without OSXSAVE", StringComparison.Ordinal))
            {
                c.mov(rax, cr4);
                c.or(rax, OsXsave);
                c.mov(cr4, rax);
            }

            c.mov(rax, cr0);
            c.or(rax, cr0Set);
            c.mov(cr0, rax);
            c.xor(ecx, ecx);
            c.xor(edx, edx);
            c.mov(eax, 3);
            Emit(c, what, area);
            c.hlt();
            b.Define("end");
            b.Exit(0);
        });
        machine.RunToEnd(expected: 1);
        Assert.Equal((ulong)vector, machine.Exception().Vector);
    }

    [Fact]
    public void Wait_is_no_exception_after_a_task_switch_that_is_not_monitored()
    {
        using TestMachine machine = TestMachine.Run(Backend.Software, b =>
        {
            Assembler c = b.Code;
            c.mov(rax, cr0);
            c.and(rax, ~MonitorCoprocessor);
            c.or(rax, TaskSwitched);
            c.mov(cr0, rax);
            c.wait();
            b.Exit(0);
        });
    }

    [Theory]
    [InlineData(3)]
    [InlineData(1)]
    [InlineData(2)]
    public void What_was_saved_comes_back_and_nothing_else_is_touched(int parts)
    {
        ulong number = 0, vector = 0, bitmap = 0;
        using TestMachine machine = TestMachine.Run(Backend.Software, b =>
        {
            Assembler c = b.Code;
            ulong area = b.Reserve(640, 64);
            number = b.Reserve(8);
            vector = b.Reserve(16, 16);
            bitmap = area + 512;
            EnableXsave(c);
            c.fninit();
            c.fldpi();
            c.mov(rbx, 0x1122_3344_5566_7788);
            c.movq(xmm9, rbx);
            c.mov(eax, parts);
            c.xsave(__[area]);
            c.fninit();
            c.fldz();
            c.xorps(xmm9, xmm9);
            c.mov(eax, 3);
            c.mov(ebx, parts);
            c.mov(__qword_ptr[bitmap], rbx);
            c.mov(eax, parts);
            c.xrstor(__[area]);
            c.fstp(__qword_ptr[number]);
            c.movdqa(__xmmword_ptr[vector], xmm9);
            b.Exit(0);
        });
        Assert.Equal((parts & 1) != 0 ? Math.PI : 0.0, BitConverter.UInt64BitsToDouble(machine.Word(number)));
        Assert.Equal((parts & 2) != 0 ? 0x1122_3344_5566_7788UL : 0, machine.Word(vector));
    }

    [Fact]
    public void Parts_that_are_not_in_the_area_start_anew()
    {
        ulong number = 0, vector = 0;
        using TestMachine machine = TestMachine.Run(Backend.Software, b =>
        {
            Assembler c = b.Code;
            ulong area = b.Reserve(640, 64);
            number = b.Reserve(8);
            vector = b.Reserve(16, 16);
            EnableXsave(c);
            c.fldpi();
            c.pcmpeqd(xmm9, xmm9);
            c.xrstor(__[area]);
            c.fnstsw(ax);
            c.mov(__word_ptr[number], ax);
            c.movdqa(__xmmword_ptr[vector], xmm9);
            b.Exit(0);
        });
        Assert.Equal(0UL, machine.Word(number));
        Assert.Equal(0UL, machine.Word(vector));
    }

    // CR4.OSXSAVE, and x87 and SSE in XCR0. Leaves ECX and EDX zero.
    private static void EnableXsave(Assembler c)
    {
        c.mov(rax, cr4);
        c.or(rax, OsXsave);
        c.mov(cr4, rax);
        c.xor(ecx, ecx);
        c.xor(edx, edx);
        c.mov(eax, 3);
        c.xsetbv();
    }

    private static void Emit(Assembler c, string what, ulong area)
    {
        switch (what)
        {
            case "load":
                c.fld1();
                break;
            case "wait":
                c.wait();
                break;
            case "fxsave":
                c.fxsave(__[area]);
                break;
            case "unmasked division, then wait":
            case "unmasked division, then load":
                c.push(0x37B);
                c.fldcw(__word_ptr[rsp]);
                c.fld1();
                c.fldz();
                c.fdivp(st1, st0);
                if (what.EndsWith("wait", StringComparison.Ordinal))
                {
                    c.wait();
                }
                else
                {
                    c.fld1();
                }

                break;
            case "xgetbv without OSXSAVE":
                c.xgetbv();
                break;
            case "xsetbv without x87":
                c.mov(eax, 2);
                c.xsetbv();
                break;
            case "xsetbv with what is not there":
                c.mov(eax, 7);
                c.xsetbv();
                break;
            case "xsave misaligned":
                c.xsave(__[area + 8]);
                break;
            case "xrstor of what is not there":
                c.mov(__dword_ptr[area + 512], 4);
                c.xrstor(__[area]);
                break;
            case "ldmxcsr of what is not there":
                c.mov(__dword_ptr[area], 0x10000);
                c.ldmxcsr(__dword_ptr[area]);
                break;
            default:
                c.xsave(__[area]);
                break;
        }
    }
}
