using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.PausePoints;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>A deterministic machine does the same each time, whatever is done to it from outside that is no input.</summary>
[Collection(StressCollection.Name)]
public sealed class DeterministicTests
{
    /// <summary>What happens around a run.</summary>
    public enum Disturbance
    {
        /// <summary>Nothing.</summary>
        None,

        /// <summary>Pauses at random moments.</summary>
        Pauses,

        /// <summary>Pauses, and single steps before it goes on.</summary>
        Steps,

        /// <summary>Pauses, and all processors are saved.</summary>
        Saves,

        /// <summary>Kicks at random moments.</summary>
        Kicks,

        /// <summary>Breakpoints come and go, which parks the processors and has them run instruction by instruction.</summary>
        Points,

        /// <summary>The host has other things to do.</summary>
        Load,
    }

    public static MatrixTheoryData<int, bool, Disturbance> Runs => new([1, 2, 4], [false, true], Enum.GetValues<Disturbance>());

    [Theory, MemberData(nameof(Runs))]
    public void A_run_repeats_exactly(int processors, bool switches, Disturbance disturbance)
    {
        Random random = Seed.NewRandom();
        RunTrace first = Run(processors, switches, Disturbance.None, random);
        Assert.True(first.Exits > 100 * processors, $"{first.Exits} exits");
        for (int i = 0; i < 3; i++)
        {
            first.ExpectSame(Run(processors, switches, disturbance, random), $"{disturbance} {i}");
        }
    }

    [Fact]
    public void Reset_begins_the_same_run_again()
    {
        using TestMachine machine = Create(new ContentionGuest(), 4, switches: false);
        machine.RunToEnd(expected: 1);
        RunTrace first = RunTrace.Of(machine);
        long last = machine.Machine.Journal.LastSequence;
        long[] instructions = [.. machine.Machine.Processors.Select(processor => processor.Instructions!.Value)];
        machine.Machine.Reset();
        machine.RunToEnd(expected: 1);
        first.ExpectSame(RunTrace.Of(machine, last, instructions), "after the reset");
    }

    [Fact]
    public void Unlocked_increments_are_lost_alike()
    {
        const int Increments = 100_000;
        HashSet<ulong> results = [];
        for (int i = 0; i < 4; i++)
        {
            ulong counter = 0, done = 0;
            using TestMachine machine = TestMachine.Run(
                Backend.Deterministic,
                b =>
                {
                    Assembler c = b.Code;
                    counter = b.Reserve(8);
                    done = b.Reserve(8);
                    Label again = c.CreateLabel();
                    c.mov(ebp, edi);
                    c.mov(ecx, Increments);
                    c.Label(ref again);
                    c.mov(rax, __qword_ptr[counter]);
                    c.inc(rax);
                    c.nop();
                    c.nop();
                    c.mov(__qword_ptr[counter], rax);
                    c.dec(ecx);
                    c.jne(again);
                    b.ExitTogether(done);
                },
                image: new LongModeOptions { Processors = 2 });
            _ = results.Add(machine.Word(counter));
        }

        // Some are lost, or the test would show nothing.
        Assert.InRange(Assert.Single(results), 1UL, (2UL * Increments) - 1);
    }

    [Theory]
    [InlineData(20)]
    [InlineData(46)]
    [InlineData(47)]
    [InlineData(48)]
    [InlineData(49)]
    [InlineData(500)]
    [InlineData(19_999)]
    [InlineData(25_000)]
    public void A_timer_interrupts_at_its_instruction(int distance)
    {
        ulong at = 0;
        using TestMachine machine = TestMachine.Run(Backend.Deterministic, b =>
        {
            Assembler c = b.Code;
            at = b.Reserve(8);
            b.EnableLocalApic();
            b.WriteMsr(X2Apic.TimerVector, 0x4_0000 | Vectors.Timer);
            c.sti();
            c.mov(ecx, 0x6E0);
            b.Define("now");
            c.rdtsc();
            c.shl(rdx, 32);
            c.lea(rax, __[rax + rdx + distance]);
            c.mov(rdx, rax);
            c.shr(rdx, 32);
            c.wrmsr();
            // Six instructions so far, and each of these is one more.
            b.Define("sled");
            c.db(Enumerable.Repeat((byte)0x90, 30_000).ToArray());
            b.Exit(9);
            b.Handle(Vectors.Timer, "timer");
            b.Define("timer");
            c.pop(rax);
            c.mov(__qword_ptr[at], rax);
            b.Exit(0);
        });
        Assert.Equal(machine.Image["sled"] + (ulong)distance - 6, machine.Word(at));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void An_idle_guests_time_jumps_to_its_timer(int processors)
    {
        const ulong Hour = 3_600_000_000_000;
        ulong after = 0, done = 0;
        using TestMachine machine = TestMachine.Run(
            Backend.Deterministic,
            b =>
            {
                Assembler c = b.Code;
                after = b.Reserve(8);
                done = b.Reserve(8);
                c.mov(ebp, edi);
                b.EnableLocalApic();
                b.WriteMsr(X2Apic.TimerVector, 0x4_0000 | Vectors.Timer);
                b.WriteMsr(0x6E0, Hour);
                c.sti();
                c.hlt();
                c.cli();
                c.rdtsc();
                c.shl(rdx, 32);
                c.or(rax, rdx);
                c.mov(__qword_ptr[after], rax);
                b.ExitTogether(done);
                b.Handle(Vectors.Timer, "timer");
                b.Define("timer");
                b.EndOfInterrupt();
            },
            image: new LongModeOptions { Processors = processors });
        Assert.InRange(machine.Word(after), Hour, Hour + 1000);
        Assert.InRange(machine.Machine.MachineTime!.Value, Hour, Hour + 200_000);
    }

    [Theory]
    [InlineData("jump")]
    [InlineData("fault")]
    public void An_endless_loop_does_not_keep_the_others(string loop)
    {
        // The second one: each instruction of the handler, and so the handler itself, faults before anything has been executed.
        using TestMachine machine = TestMachine.Run(
            Backend.Deterministic,
            b =>
            {
                Assembler c = b.Code;
                Label forever = c.CreateLabel(), other = c.CreateLabel(), wait = c.CreateLabel();
                c.test(edi, edi);
                c.jne(other);
                c.Label(ref forever);
                if (loop == "fault")
                {
                    b.Handle(0, "division", ist: 1);
                    b.Define("division");
                    c.xor(ecx, ecx);
                    c.div(ecx);
                }

                c.jmp(forever);
                c.Label(ref other);
                c.mov(ecx, 300_000);
                c.Label(ref wait);
                c.dec(ecx);
                c.jne(wait);
                b.Exit(0);
            },
            image: new LongModeOptions { Processors = 2 });
        Assert.InRange(machine.Machine.Processors[0].Instructions!.Value, 200_000, 800_000);
    }

    [Fact]
    public void Only_the_processor_whose_turn_it_is_can_be_stepped()
    {
        using TestMachine machine = TestMachine.Create(
            Backend.Deterministic,
            b =>
            {
                Label again = b.Code.CreateLabel();
                b.Code.Label(ref again);
                b.Code.inc(rax);
                b.Code.jmp(again);
            },
            image: new LongModeOptions { Processors = 2 });
        for (int i = 0; i < 10; i++)
        {
            machine.Machine.Step();
        }

        Assert.Equal([10L, 0L], machine.Machine.Processors.Select(processor => processor.Instructions!.Value));
        machine.Machine.Step(0);
        MachineStateException refusal = Assert.Throws<MachineStateException>(() => machine.Machine.Step(1));
        Assert.Contains("processor 0's turn", refusal.Message, StringComparison.Ordinal);
        Assert.Equal([11L, 0L], machine.Machine.Processors.Select(processor => processor.Instructions!.Value));
    }

    [Fact]
    public void Steps_pass_the_turn_on()
    {
        using TestMachine machine = TestMachine.Create(
            Backend.Deterministic,
            b =>
            {
                Label again = b.Code.CreateLabel();
                b.Code.Label(ref again);
                b.Code.pause();
                b.Code.jmp(again);
            },
            image: new LongModeOptions { Processors = 3 });
        for (int i = 0; i < 1000; i++)
        {
            machine.Machine.Step();
        }

        Assert.Equal(1000, machine.Machine.Processors.Sum(processor => processor.Instructions!.Value));
        Assert.All(machine.Machine.Processors, processor => Assert.True(processor.Instructions > 100));
    }

    [Fact]
    public void What_comes_from_outside_wakes_a_machine_that_waits_for_nothing_else()
    {
        ulong done = 0;
        using TestMachine machine = TestMachine.Create(
            Backend.Deterministic,
            b =>
            {
                Assembler c = b.Code;
                done = b.Reserve(8);
                c.mov(ebp, edi);
                b.EnableLocalApic();
                c.sti();
                c.hlt();
                c.cli();
                b.ExitTogether(done);
                b.Handle(Vectors.Ipi, "ipi");
                b.Define("ipi");
                b.EndOfInterrupt();
            },
            image: new LongModeOptions { Processors = 3 });
        machine.Machine.Run();
        machine.WaitUntil(() => machine.Machine.Processors.All(processor => processor.State == ProcessorRunState.Halted), "all halted");
        // A pause and a run do not wake them.
        machine.Machine.Pause();
        ulong time = machine.Machine.MachineTime!.Value;
        machine.Machine.Run();
        foreach (uint processor in (uint[])[1, 2, 0])
        {
            Assert.Equal(MachineState.Running, machine.Machine.State);
            _ = machine.Machine.Processors[0].Context.Partition.DeliverInterrupt(processor, Vectors.Ipi, 0);
        }

        _ = machine.WaitForEnd(expected: 1);
        Assert.InRange(machine.Machine.MachineTime!.Value - time, 1UL, 200_000UL);
    }

    [Fact]
    public void Kvm_refuses_in_words()
    {
        MachineOptionException refusal = Assert.Throws<MachineOptionException>(() => TestMachine.Create(
            Backend.Kvm, "hello", new VirtualMachineOptions { Deterministic = true, MemoryMiB = 8 }));
        Assert.Equal("deterministic", refusal.Field);
        Assert.Contains("kvm cannot repeat a run exactly", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hello", 1)]
    [InlineData("hello", 3)]
    [InlineData("undefined", 2)]
    [InlineData("patch-race", 4, "sites=24 rounds=8")]
    [InlineData("patch-race", 3, "sites=16 rounds=6 restore=on")]
    [InlineData("pv-spinlock", 3, "quiet=0 rounds=3")]
    [InlineData("real-mode", 1)]
    [InlineData("protected-mode", 1)]
    [InlineData("exit-storm", 2, "count=500")]
    public void Guests_of_the_catalogue_repeat(string guest, int processors, string commandLine = "")
    {
        RunTrace? first = null;
        for (int i = 0; i < 3; i++)
        {
            using TestMachine machine = TestMachine.Create(
                Backend.Deterministic,
                guest,
                new VirtualMachineOptions { Processors = processors, CommandLine = commandLine, MemoryMiB = 8, HistoryCapacity = 1 << 17, SwitchVendorAfter = 37 });
            _ = machine.RunToEnd();
            RunTrace trace = RunTrace.Of(machine);
            first ??= trace;
            first.ExpectSame(trace, guest);
        }
    }

    private static TestMachine Create(ContentionGuest guest, int processors, bool switches) => TestMachine.Create(
        Backend.Deterministic,
        guest.Emit,
        image: new LongModeOptions { Processors = processors },
        options: new VirtualMachineOptions { MemoryMiB = 4, HistoryCapacity = 1 << 17, SwitchVendorAfter = switches ? 17 : null });

    private static RunTrace Run(int processors, bool switches, Disturbance disturbance, Random random)
    {
        ContentionGuest guest = new();
        using TestMachine machine = Create(guest, processors, switches);
        using CancellationTokenSource end = new();
        Thread[] load = disturbance == Disturbance.Load
            ? [.. Enumerable.Range(0, Environment.ProcessorCount * 2).Select(_ => new Thread(() => Spin(end.Token)) { IsBackground = true })]
            : [];
        Array.ForEach(load, thread => thread.Start());
        machine.Machine.Run();
        try
        {
            int most = disturbance switch { Disturbance.None or Disturbance.Load => 0, Disturbance.Kicks or Disturbance.Points => int.MaxValue, _ => 150 };
            for (int i = 0; i < most && machine.Machine.State == MachineState.Running; i++)
            {
                Disturb(machine.Machine, disturbance, random);
            }
        }
        catch (MachineStateException) when (machine.Machine.State is MachineState.Stopped)
        {
            // The guest came to its end before the command did.
        }

        _ = machine.WaitForEnd(expected: 1);
        end.Cancel();
        Array.ForEach(load, thread => thread.Join());
        Assert.Equal(ContentionGuest.IncrementsEach * (ulong)processors, machine.Word(guest.Locked));
        for (int i = 0; i < processors; i++)
        {
            Assert.True(guest.Timers(machine, i) > 1, $"#{i}: {guest.Timers(machine, i)} timer interrupts");
            Assert.True(guest.Ipis(machine, i) > 0, $"#{i}: no interrupts by others");
        }

        Assert.True(!switches || machine.Machine.Epoch > 3, $"{machine.Machine.Epoch} switches");
        Assert.True(machine.Patched >= machine.Machine.Epoch);
        return RunTrace.Of(machine);
    }

    private static void Disturb(VirtualMachine machine, Disturbance disturbance, Random random)
    {
        Thread.SpinWait(random.Next(1, 1 << random.Next(1, 17)));
        if (disturbance == Disturbance.Kicks)
        {
            machine.Processors[random.Next(machine.Processors.Length)].RequestObservation(kick: true);
            return;
        }

        if (disturbance == Disturbance.Points)
        {
            PausePoint point = machine.AddPausePoint(new PausePointOptions { Kind = PausePointKind.Address, Address = 0x7777_0000 });
            Thread.SpinWait(random.Next(1, 1 << random.Next(1, 15)));
            Assert.True(machine.RemovePausePoint(point.Id));
            return;
        }

        machine.Pause();
        if (disturbance == Disturbance.Steps)
        {
            for (int i = random.Next(20); i > 0; i--)
            {
                machine.Step();
            }
        }
        else if (disturbance == Disturbance.Saves)
        {
            Task.WaitAll(machine.Processors.Select(processor => processor.InvokeAsync(p => p.Processor.Save())), TestContext.Current.CancellationToken);
        }

        machine.Run();
    }

    private static void Spin(CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            Thread.SpinWait(1000);
        }
    }
}
