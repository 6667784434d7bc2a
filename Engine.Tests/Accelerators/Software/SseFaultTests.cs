using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>When SSE instructions are exceptions, and which. In software only: hosts whose KVM emulates CPL 0 know no SSE there.</summary>
public sealed class SseFaultTests
{
    private const int Emulated = 4, TaskSwitched = 8, OsFxsr = 0x200, OsXmmExceptions = 0x400;

    [Theory]
    [InlineData(0, OsFxsr, "move", 6)]
    [InlineData(Emulated, 0, "move", 6)]
    [InlineData(TaskSwitched, 0, "move", 7)]
    [InlineData(TaskSwitched, OsFxsr, "move", 6)]
    [InlineData(0, 0, "misaligned", 13)]
    [InlineData(0, 0, "divide", 19)]
    [InlineData(0, OsXmmExceptions, "divide", 6)]
    public void An_instruction_that_may_not_run_is_an_exception(int cr0Set, int cr4Cleared, string what, int vector)
    {
        using TestMachine machine = TestMachine.Create(Backend.Software, b =>
        {
            Assembler c = b.Code;
            b.ExpectException("end");
            // One unmasked division by zero, were it executed.
            c.push(0x1D80);
            c.ldmxcsr(__dword_ptr[rsp]);
            c.mov(eax, 1);
            c.cvtsi2ss(xmm0, eax);
            c.xorps(xmm1, xmm1);
            c.mov(rax, cr0);
            c.or(rax, cr0Set);
            c.mov(cr0, rax);
            c.mov(rax, cr4);
            c.and(rax, ~cr4Cleared);
            c.mov(cr4, rax);
            c.mov(rax, rsp);
            c.and(rax, -16);
            switch (what)
            {
                case "move":
                    c.movaps(xmm0, xmm1);
                    break;
                case "misaligned":
                    c.movups(xmm0, __xmmword_ptr[rax - 63]);
                    c.addps(xmm0, __xmmword_ptr[rax - 63]);
                    break;
                default:
                    c.divss(xmm0, xmm1);
                    break;
            }

            c.hlt();
            b.Define("end");
            b.Exit(0);
        });
        machine.RunToEnd(expected: 1);
        Assert.True(machine.Exception().Vector == (ulong)vector, $"Vector {machine.Exception().Vector}");
    }
}
