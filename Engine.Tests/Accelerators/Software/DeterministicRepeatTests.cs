using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Engine.Vendors;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>REP in a deterministic machine: its elements take time, so that others have their turn and timers come in between.</summary>
public sealed class DeterministicRepeatTests
{
    private const int Length = 0x6400;

    public static MatrixTheoryData<string, int> Timers => new(["stosb", "stosq", "movsb", "lodsb", "scasb", "stosb down"], [50, 4000, 4096, 19_990, 25_001]);

    [Fact]
    public void A_long_repetition_does_not_keep_the_others()
    {
        const int Rounds = 100;
        ulong counter = 0, done = 0, seen = 0;
        using TestMachine machine = TestMachine.Run(
            Backend.Deterministic,
            b =>
            {
                Assembler c = b.Code;
                ulong area = b.Reserve(Length);
                (counter, done, seen) = (b.Reserve(8), b.Reserve(8), b.Reserve(8));
                Label other = c.CreateLabel(), again = c.CreateLabel(), count = c.CreateLabel(), end = c.CreateLabel();
                c.mov(ebp, edi);
                c.test(edi, edi);
                c.jne(other);
                c.mov(ebx, Rounds);
                c.Label(ref again);
                c.mov(rdi, area);
                c.mov(ecx, Length);
                c.rep.stosb();
                c.dec(ebx);
                c.jne(again);
                c.mov(rax, __qword_ptr[counter]);
                c.mov(__qword_ptr[seen], rax);
                c.mov(__dword_ptr[done + 4], 1);
                c.jmp(end);
                c.Label(ref other);
                c.nop();
                c.Label(ref count);
                c.inc(__qword_ptr[counter]);
                c.cmp(__dword_ptr[done + 4], 0);
                c.je(count);
                c.Label(ref end);
                c.mov(__dword_ptr[done + 4], 1);
                b.ExitTogether(b.Reserve(8));
            },
            image: new LongModeOptions { Processors = 2 });
        // Of three instructions a round, as much time as the elements took, but for a turn.
        Assert.InRange(machine.Word(seen), ((ulong)Rounds * Length / 3) - 10_000, ((ulong)Rounds * Length / 3) + 10_000);
    }

    /// <summary>Also where the machine is stepped on its way: an element a step.</summary>
    [Theory, MemberData(nameof(Timers))]
    public void A_timer_interrupts_at_its_element(string what, int distance)
    {
        ulong left = 0, flags = 0;
        Action<LongModeImageBuilder> emit = b =>
        {
            Assembler c = b.Code;
            ulong area = b.Reserve((8 * Length) + 0x2000, 4096);
            (left, flags) = (b.Reserve(8), b.Reserve(8));
            b.EnableLocalApic();
            b.WriteMsr(X2Apic.TimerVector, 0x4_0000 | Vectors.Timer);
            c.mov(rdi, area + (what == "stosb down" ? (ulong)Length + 5 : 3));
            c.lea(rsi, __[rdi + 0x1234]);
            c.mov(r8d, Length);
            c.mov(r9d, what == "scasb" ? 1 : 0);
            if (what == "stosb down")
            {
                c.std();
            }

            c.sti();
            c.mov(ecx, 0x6E0);
            c.rdtsc();
            c.shl(rdx, 32);
            c.lea(rax, __[rax + rdx + distance]);
            c.mov(rdx, rax);
            c.shr(rdx, 32);
            c.wrmsr();
            // Six instructions so far, and two here.
            c.mov(ecx, r8d);
            c.mov(eax, r9d);
            switch (what)
            {
                case "stosq":
                    c.rep.stosq();
                    break;
                case "movsb":
                    c.rep.movsb();
                    break;
                case "lodsb":
                    c.rep.lodsb();
                    break;
                case "scasb":
                    c.repne.scasb();
                    break;
                default:
                    c.rep.stosb();
                    break;
            }

            b.Exit(9);
            b.Handle(Vectors.Timer, "timer");
            b.Define("timer");
            c.mov(__qword_ptr[left], rcx);
            c.mov(rax, __qword_ptr[rsp + 16]);
            c.mov(__qword_ptr[flags], rax);
            b.Exit(0);
        };
        using TestMachine machine = TestMachine.Run(Backend.Deterministic, emit);
        Assert.Equal((ulong)(Length - (distance - 8)), machine.Word(left));
        // RF: between two elements.
        Assert.Equal(0x1_0000UL, machine.Word(flags) & 0x1_0000);

        using TestMachine stepped = TestMachine.Create(Backend.Deterministic, emit);
        Random random = Seed.NewRandom();
        stepped.Machine.Run();
        for (int i = 0; i < 5 && stepped.Machine.State == MachineState.Running; i++)
        {
            try
            {
                stepped.Machine.Pause();
                for (int step = random.Next(30); step > 0; step--)
                {
                    stepped.Machine.Step();
                }

                stepped.Machine.Run();
            }
            catch (MachineStateException) when (stepped.Machine.State == MachineState.Stopped)
            {
                break;
            }
        }

        _ = stepped.WaitForEnd(expected: 1);
        Assert.Equal(machine.Word(left), stepped.Word(left));
        Assert.Equal(machine.Machine.MachineTime, stepped.Machine.MachineTime);
    }

    [Fact]
    public void Repeated_port_output_takes_time_too()
    {
        ulong time = 0;
        using TestMachine machine = TestMachine.Run(Backend.Deterministic, b =>
        {
            Assembler c = b.Code;
            time = b.Reserve(8);
            c.mov(rsi, b.Reserve(0x2000, 4096));
            c.mov(ecx, 0x2000);
            c.mov(edx, 0x80);
            c.rdtsc();
            c.mov(ebx, eax);
            c.mov(edx, 0x80);
            c.rep.outsb();
            c.rdtsc();
            c.sub(eax, ebx);
            c.mov(__qword_ptr[time], rax);
            b.Exit(0);
        });
        Assert.Equal(0x2000UL + 4, machine.Word(time));
    }

    /// <summary>The step is over; it does not wait for a turn that will not come while the machine is paused.</summary>
    [Fact]
    public void A_step_whose_event_is_the_turns_last_ends()
    {
        const int Nmi = 4;
        const ulong Code = 0x1000, Handler = 0x600;
        using GuestMemory memory = new(1 << 20);
        Assert.True(memory.TryWrite(8, [unchecked((byte)Handler), (byte)(Handler >> 8), 0, 0]));
        Assert.True(memory.TryWrite(Code, [0xEB, 0xFE]));
        Assert.True(memory.TryWrite(Handler, [0xEB, 0xFE]));
        using DeterministicPartition partition = new(memory, CpuVendor.Intel);
        IProcessor[] processors = [partition.CreateProcessor(0), partition.CreateProcessor(1)];
        foreach (IProcessor processor in processors)
        {
            processor.Start(new ProcessorStart { Mode = GuestMode.Real, Rip = Code, Rsp = 0x8000, Idt = new DescriptorTable(0, 0x3FF) });
        }

        ((ISingleStep)processors[0]).IsStepping = true;
        VmExit exit = default;
        processors[0].Run(ref exit);
        Assert.Equal((ExitReason.Debug, Code), (exit.Reason, processors[0].Registers.Rip));
        partition.Turns!.Spend(TurnSchedule.Quantum - 2);
        Assert.Equal(0, partition.NextInTurn());
        Assert.True(partition.DeliverInterrupt(0, 0, Nmi));
        processors[0].Run(ref exit);
        Assert.Equal((ExitReason.Debug, Handler), (exit.Reason, processors[0].Registers.Rip));
        Assert.Equal(1, partition.NextInTurn());
        ((ISingleStep)processors[0]).IsStepping = false;
    }
}
