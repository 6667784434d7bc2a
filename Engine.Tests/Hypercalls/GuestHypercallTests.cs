using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Hypercalls;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Hypercalls;

/// <summary>What each hypercall does to the machine, asked by a guest.</summary>
public sealed class GuestHypercallTests
{
    private const long Einval = -22;
    private const ulong Ram = 4 << 20;

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Results_reach_the_guest(Backend backend)
    {
        (ulong Number, ulong[] Arguments, long Result)[] calls =
        [
            (1, [1, 2, 3, 4], 0),
            (5, [0, 77, 0, 0], 0),
            (9, [Ram - 63, 0, 0, 0], -14),
            (9, [ulong.MaxValue, 0, 0, 0], -14),
            (9, [0xE000_0000, 0, 0, 0], -14),
            (9, [0x1C_0000, 1, 0, 0], -95),
            (10, [1, 0, 0, 0x840], Einval),
            (10, [1, 0, 0, 0x4_0040], Einval),
            (10, [1, 0, 0, 0xC_0040], Einval),
            (10, [0, ulong.MaxValue, 0, 0x40], 0),
            (10, [ulong.MaxValue, 0, 1, 0x40], 0),
            (11, [0, 0, 0, 0], 0),
            (11, [99, 0, 0, 0], 0),
            (12, [0x1000, 1, 0, 0], 0),
            (12, [0x1000, 0, 0, 0], Einval),
            (12, [0x1008, 1, 0, 0], Einval),
            (12, [0x1000, ulong.MaxValue >> 11, 0, 0], Einval),
        ];
        ulong results = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                results = b.Reserve(8 * calls.Length);
                for (int i = 0; i < calls.Length; i++)
                {
                    Call(b, calls[i].Number, calls[i].Arguments);
                    b.StoreRax(results + ((ulong)i * 8));
                }

                b.Exit(0);
            },
            options: new VirtualMachineOptions { MemoryMiB = (int)(Ram >> 20), OffersMapGpaRange = true });
        Assert.Equal(calls.Select(call => call.Result), machine.Words(results, calls.Length).Select(result => (long)result));
        Assert.Equal(
            calls.GroupBy(call => call.Number).OrderBy(group => group.Key).Select(group => ((int)group.Key, (long)group.Count())),
            Enumerable.Range(0, HypercallNumber.TableSize + 1)
                .Select(i => (i, machine.Machine.Journal.Processors[0].CountOfHypercall(i))).Where(count => count.Item2 != 0));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Map_GPA_range_is_unknown_unless_offered(Backend backend)
    {
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            result = b.Reserve(8);
            Call(b, 12, 0x1000, 1, 0, 0);
            b.StoreRax(result);
            b.Exit(0);
        });
        Assert.Equal(GuestCode.NoSuchCall, machine.Word(result));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Clock_pairing_pairs_the_wall_clock_with_the_guests_counter(Backend backend)
    {
        ulong structure = 0, counters = 0;
        DateTime before = DateTime.UtcNow;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            Assembler c = b.Code;
            structure = b.Reserve(64, 64);
            counters = b.Reserve(16);
            ReadCounter(counters);
            Call(b, 9, structure, 0, 0, 0);
            c.mov(r12, rax);
            ReadCounter(counters + 8);
            c.mov(rax, r12);
            b.StoreRax(structure + 56);
            b.Exit(0);

            void ReadCounter(ulong variable)
            {
                c.rdtsc();
                c.shl(rdx, 32);
                c.or(rax, rdx);
                b.StoreRax(variable);
            }
        });
        DateTime after = DateTime.UtcNow;
        if (backend == Backend.Deterministic)
        {
            before = new DateTime(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc);
            after = before + TimeSpan.FromMicroseconds(machine.Machine.MachineTime!.Value / 1000.0);
        }

        ulong[] words = machine.Words(structure, 8);
        Assert.InRange(DateTime.UnixEpoch.AddSeconds(words[0]).AddTicks((long)words[1] / 100), before, after);
        Assert.InRange(words[2], machine.Word(counters), machine.Word(counters + 8));
        Assert.Equal([0, 0, 0, 0, 0], words[3..]);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Kick_wakes_a_halted_processor(Backend backend)
    {
        // Processor 1 halts with interrupts off: nothing else could wake it. Processor 0 kicks until it moves. The kick comes through the
        // local APIC, as the kernel's own does: it has to be on.
        ulong woken = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                Assembler c = b.Code;
                woken = b.Reserve(8);
                Label other = c.CreateLabel(), again = c.CreateLabel(), halt = c.CreateLabel(), pause = c.CreateLabel();
                c.test(edi, edi);
                c.jne(other);
                c.Label(ref again);
                Call(b, 5, 0, 1, 0, 0);
                c.mov(ecx, 100);
                c.Label(ref pause);
                c.pause();
                c.dec(ecx);
                c.jne(pause);
                c.cmp(__qword_ptr[woken], 3);
                c.jb(again);
                b.Exit(0);
                c.Label(ref other);
                b.EnableLocalApic();
                c.Label(ref halt);
                c.hlt();
                c.inc(__qword_ptr[woken]);
                c.jmp(halt);
            },
            image: new LongModeOptions { Processors = 2 });
        Assert.True(machine.Word(woken) >= 3);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Kick_ahead_of_the_halt_is_not_lost(Backend backend)
    {
        // Processor 1 is kicked while it still spins; the HLT that follows must come back at once.
        ulong state = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                Assembler c = b.Code;
                state = b.Reserve(8);
                Label other = c.CreateLabel();
                c.test(edi, edi);
                c.jne(other);
                Wait(b, state, 1);
                Call(b, 5, 0, 1, 0, 0);
                c.mov(__qword_ptr[state], 2);
                Wait(b, state, 3);
                b.Exit(0);
                c.Label(ref other);
                b.EnableLocalApic();
                c.mov(__qword_ptr[state], 1);
                Wait(b, state, 2);
                c.hlt();
                c.mov(__qword_ptr[state], 3);
                b.Halt();
            },
            image: new LongModeOptions { Processors = 2 });
        Assert.Equal(3UL, machine.Word(state));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Send_IPI_interrupts_the_processors_that_it_names(Backend backend)
    {
        // Processor 0 sends to 1 and 3 of four, then to all, then an NMI to 2, and to nobody.
        const int Processors = 4;
        ulong counts = 0, ready = 0, results = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                Assembler c = b.Code;
                counts = b.Reserve(8 * Processors);
                ready = b.Reserve(8);
                results = b.Reserve(8 * 4);
                c.mov(r12, rdi);
                b.EnableLocalApic();
                c.@lock.inc(__qword_ptr[ready]);
                c.sti();
                Label first = c.CreateLabel(), halt = c.CreateLabel();
                c.test(r12d, r12d);
                c.je(first);
                c.Label(ref halt);
                c.hlt();
                c.jmp(halt);

                c.Label(ref first);
                c.zero_bytes();
                Wait(b, ready, Processors);
                Call(b, 10, 0b101, 0, 1, Vectors.Ipi);
                b.StoreRax(results);
                Wait(b, counts + 8, 1);
                Wait(b, counts + 24, 1);
                Call(b, 10, 0b1111, 0, 0, Vectors.Ipi);
                b.StoreRax(results + 8);
                Wait(b, counts, 1);
                Wait(b, counts + 8, 2);
                Wait(b, counts + 16, 1);
                Wait(b, counts + 24, 2);
                Call(b, 10, 0b100, 0, 0, 0x400);
                b.StoreRax(results + 16);
                Wait(b, counts + 16, 101);
                Call(b, 10, 0xF0, 0xFF, 0, Vectors.Ipi);
                b.StoreRax(results + 24);
                b.Exit(0);

                b.Handle(Vectors.Ipi, "ipi");
                b.Define("ipi");
                c.inc(__qword_ptr[(r12 * 8) + (int)counts]);
                b.EndOfInterrupt();
                b.Handle(2, "nmi");
                b.Define("nmi");
                c.add(__qword_ptr[(r12 * 8) + (int)counts], 100);
                c.iretq();
            },
            image: new LongModeOptions { Processors = Processors });
        Assert.Equal([2, 4, 1, 0], machine.Words(results, 4));
        Assert.Equal([1, 2, 101, 2], machine.Words(counts, Processors));
    }

    private static void Call(LongModeImageBuilder b, ulong number, params ReadOnlySpan<ulong> arguments)
    {
        AssemblerRegister64[] registers = [rbx, rcx, rdx, rsi];
        for (int i = 0; i < arguments.Length; i++)
        {
            b.Code.mov(registers[i], arguments[i]);
        }

        b.Code.mov(rax, number);
        b.Hypercall(GuestVendor.Amd);
    }

    // Spins until a variable has a value.
    private static void Wait(LongModeImageBuilder b, ulong variable, int value)
    {
        Assembler c = b.Code;
        Label again = c.CreateLabel(), done = c.CreateLabel();
        c.Label(ref again);
        c.cmp(__qword_ptr[variable], value);
        c.je(done);
        c.pause();
        c.jmp(again);
        c.Label(ref done);
        c.zero_bytes();
    }
}
