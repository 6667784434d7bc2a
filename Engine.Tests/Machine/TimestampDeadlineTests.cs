using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>The timer's deadline is in terms of the time-stamp counter, wherever the guest has set that (Intel SDM vol. 3, 11.5.4.1).</summary>
public sealed class TimestampDeadlineTests
{
    private const uint Timestamp = 0x10;
    private const uint DeadlineMsr = 0x6E0;

    // The counter's value, and the deadline: absolute, or so many ticks ahead.
    public static MatrixTheoryData<Backend, ulong, (ulong Deadline, bool IsAhead)> Rows => new(
        Enum.GetValues<Backend>(),
        [0, 1UL << 40, 1UL << 63, 0xFFFF_0000_0000_0000],
        [(1, false), (1000, false), (1, true), (2_000_000, true)]);

    [Theory, MemberData(nameof(Rows))]
    public void A_deadline_that_has_passed_or_is_near_interrupts(Backend backend, ulong counter, (ulong Deadline, bool IsAhead) row)
    {
        ulong left = 0;
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            left = b.Reserve(8);
            b.EnableLocalApic();
            b.WriteMsr(X2Apic.TimerVector, 0x4_0000 | Vectors.Timer);
            b.WriteMsr(Timestamp, counter);
            c.mov(rbx, row.Deadline);
            if (row.IsAhead)
            {
                c.rdtsc();
                c.shl(rdx, 32);
                c.lea(rbx, __[rax + rdx + (long)row.Deadline]);
            }

            c.mov(rax, rbx);
            c.mov(rdx, rbx);
            c.shr(rdx, 32);
            c.mov(ecx, DeadlineMsr);
            c.wrmsr();
            Label wait = c.CreateLabel();
            c.sti();
            c.Label(ref wait);
            c.hlt();
            c.jmp(wait);
            b.Handle(Vectors.Timer, "timer");
            b.Define("timer");
            // It is spent: the register reads as zero.
            c.mov(ecx, DeadlineMsr);
            c.rdmsr();
            c.or(eax, edx);
            c.setne(al);
            c.movzx(eax, al);
            b.StoreRax(left);
            b.Exit(0);
        });
        _ = machine.RunToEnd(expected: 1);
        Assert.Equal(0UL, machine.Word(left));
    }
}
