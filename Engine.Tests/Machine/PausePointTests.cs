using System.Buffers.Binary;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Hypercalls;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.PausePoints;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>Points at which a machine pauses by itself, breakpoints among them.</summary>
[Collection(StressCollection.Name)]
public sealed class PausePointTests
{
    private const int Rounds = 7;

    public static MatrixTheoryData<Backend, string> Instructions => Backends.With(
        "add", "jump to itself", "rep movsb", "out", "in", "page fault", "call", "div by zero skipped", "rdmsr unknown", "pushfq", "user");

    public static MatrixTheoryData<Backend, GuestVendor, PatchPolicy> Sites =>
        new(Enum.GetValues<Backend>(), Enum.GetValues<GuestVendor>(), [PatchPolicy.Force, PatchPolicy.Emulate]);

    public static MatrixTheoryData<Backend, PausePointKind> Kinds => Backends.With(Enum.GetValues<PausePointKind>());

    [Theory, MemberData(nameof(Instructions))]
    public void A_breakpoint_in_a_loop_is_hit_once_for_each_execution_and_the_guest_does_not_notice(Backend backend, string instruction)
    {
        ulong result = 0;
        using TestMachine machine = TestMachine.Create(backend, b => result = EmitLoop(b, instruction));
        ulong at = machine.Image["point"];
        machine.Machine.AddPausePoint(Breakpoint(at));
        List<PauseCause> causes = RunThrough(machine, expected: 1);
        if (instruction == "user" && backend != Backend.Software && causes.Count == 0)
        {
            Assert.Equal((ulong)Rounds, machine.Word(result));
            Assert.Skip("This host's KVM runs CPL 3 on the bare processor and stops at none of its breakpoints there.");
        }

        Assert.Equal(Rounds, causes.Count);
        Assert.All(causes, cause => Assert.Equal((at, ExitReason.Breakpoint, 0), (cause.Rip, cause.Reason, cause.Processor)));
        Assert.Equal(Rounds, machine.Machine.PausePoints[0].Hits);
        ulong[] words = machine.Words(result, 4);

        // The same without.
        ulong other = 0;
        using TestMachine plain = TestMachine.Run(backend, b => other = EmitLoop(b, instruction));
        Assert.Equal(plain.Words(other, 4), words);
        Assert.Equal((ulong)Rounds, words[0]);
    }

    [Theory, MemberData(nameof(Sites))]
    public void A_breakpoint_on_a_hypercall_is_hit_once_for_each_call_patched_or_not(Backend backend, GuestVendor form, PatchPolicy policy)
    {
        ulong result = 0;
        using TestMachine machine = TestMachine.Create(
            backend,
            b =>
            {
                Assembler c = b.Code;
                result = b.Reserve(8);
                c.xor(r12d, r12d);
                b.Define("loop");
                c.mov(eax, 0x1234);
                b.Define("point");
                b.Hypercall(form);
                c.cmp(rax, -1000);
                c.jne(b.Symbol("bad"));
                c.inc(r12);
                c.cmp(r12, Rounds);
                c.jne(b.Symbol("loop"));
                b.Define("bad");
                b.Code.mov(__qword_ptr[result], r12);
                b.Exit(0);
            },
            policy: policy);
        machine.Machine.AddPausePoint(Breakpoint(machine.Image["point"]));
        List<PauseCause> causes = RunThrough(machine, expected: 1);
        Assert.Equal(Rounds, causes.Count);
        Assert.Equal((ulong)Rounds, machine.Word(result));
        Assert.Equal(form == GuestVendor.Amd && policy == PatchPolicy.Force ? 1 : 0, machine.Patched);
        Assert.Equal(Rounds, machine.Served);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Two_breakpoints_next_to_each_other_are_both_hit(Backend backend)
    {
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            b.Code.mov(ecx, 3);
            b.Define("first");
            b.Code.nop();
            b.Define("second");
            b.Code.dec(ecx);
            b.Code.jne(b.Symbol("first"));
            b.Exit(0);
        });
        machine.Machine.AddPausePoint(Breakpoint(machine.Image["first"]));
        machine.Machine.AddPausePoint(Breakpoint(machine.Image["second"]));
        List<PauseCause> causes = RunThrough(machine, expected: 1);
        ulong[] pair = [machine.Image["first"], machine.Image["second"]];
        Assert.Equal([.. pair, .. pair, .. pair], causes.Select(cause => cause.Rip));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void A_breakpoint_on_the_guests_invalid_opcode_handler_is_hit_for_its_own_exceptions_alone(Backend backend)
    {
        ulong count = 0;
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            count = b.Reserve(8);
            b.Handle(6, "handler");
            c.ud2();
            c.mov(eax, 0x1234);
            c.vmmcall();
            c.ud2();
            b.Exit(0);
            b.Define("handler");
            c.inc(__qword_ptr[count]);
            c.add(__qword_ptr[rsp], 2);
            c.iretq();
        });
        machine.Machine.AddPausePoint(Breakpoint(machine.Image["handler"]));
        Assert.Equal(2, RunThrough(machine, expected: 1).Count);
        Assert.Equal(2UL, machine.Word(count));
        Assert.Equal((1, 1), (machine.Served, machine.Patched));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Each_processor_of_a_guest_has_its_own_hits(Backend backend)
    {
        const int Processors = 3;
        ulong done = 0;
        using TestMachine machine = TestMachine.Create(
            backend,
            b => done = EmitSmp(b, Processors),
            image: new LongModeOptions { Processors = Processors });
        PausePoint all = machine.Machine.AddPausePoint(Breakpoint(machine.Image["all"]));
        PausePoint one = machine.Machine.AddPausePoint(Breakpoint(machine.Image["one"]) with { Processor = 1 });
        _ = RunThrough(machine, expected: 1);
        Assert.Equal(Enumerable.Repeat((ulong)Rounds, Processors), machine.Words(done, Processors));
        Assert.Equal((Processors * Rounds, Rounds), (all.Hits, one.Hits));
        Assert.Equal(
            Enumerable.Repeat((long)Rounds, Processors),
            Enumerable.Range(0, Processors).Select(i => machine.Records().LongCount(r => r.Processor == i && r.Linear == machine.Image["all"] && r.Reason == ExitReason.Breakpoint)));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Each_kind_pauses_at_what_it_names_once_or_each_time(Backend backend, PausePointKind kind)
    {
        foreach (bool once in (bool[])[true, false])
        {
            using TestMachine machine = TestMachine.Create(backend, EmitOneOfEach);
            PausePointOptions options = kind switch
            {
                PausePointKind.Address => Breakpoint(machine.Image["loop"]),
                PausePointKind.Exit => new() { Kind = kind, Reason = ExitReason.PortIo },
                PausePointKind.Hypercall => new() { Kind = kind, Number = HypercallNumber.SchedYield },
                _ => new() { Kind = kind },
            };
            machine.Machine.AddPausePoint(options with { Once = once });
            (int times, string symbol) = kind switch
            {
                PausePointKind.Address => (3, "loop"),
                PausePointKind.Exit => (4, "port"), // and the exit's own
                PausePointKind.Hypercall => (3, "yield"),
                PausePointKind.Patch => (2, "yield"),
                _ => (3, "undefined"),
            };
            List<PauseCause> causes = RunThrough(machine, expected: 1);
            Assert.Equal(once ? 1 : kind == PausePointKind.Exit ? times - 1 : times, causes.Count);
            // Behind a port access KVM may have moved RIP on.
            Assert.InRange(causes[0].Rip, machine.Image[symbol], machine.Image[symbol] + (kind == PausePointKind.Exit ? 2u : 0));
            Assert.All(causes, cause => Assert.NotNull(cause.Sequence));
            Assert.Equal(once ? 0 : 1, machine.Machine.PausePoints.Length);
            Assert.Equal(causes.Count, machine.Machine.Timeline.Read().Count(entry => entry.Text.StartsWith("Paused by", StringComparison.Ordinal)));
        }
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Points_set_and_removed_while_it_runs_work_at_once(Backend backend)
    {
        using TestMachine machine = TestMachine.Create(backend, EmitEndless);
        machine.Machine.Run();
        for (int i = 0; i < 5; i++)
        {
            PausePoint point = machine.Machine.AddPausePoint(Breakpoint(machine.Image["point"]));
            WaitPaused(machine);
            Assert.Equal(point, machine.Machine.PausedBy!.Point);
            machine.Machine.Run();
            WaitPaused(machine);
            Assert.True(machine.Machine.RemovePausePoint(point.Id));
            machine.Machine.Run();
            ulong before = machine.Word(LongModeLayout.Data);
            machine.WaitUntil(() => machine.Word(LongModeLayout.Data) > before + 100, "the guest went on");
            Assert.Equal(MachineState.Running, machine.Machine.State);
            Assert.Null(machine.Machine.PausedBy);

            // And one that is taken away before anybody could have met it.
            PausePoint never = machine.Machine.AddPausePoint(Breakpoint(machine.Image["never"]));
            Assert.True(machine.Machine.RemovePausePoint(never.Id));
            Assert.False(machine.Machine.RemovePausePoint(never.Id));
            Assert.Equal(MachineState.Running, machine.Machine.State);
        }
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Points_outlive_a_vendor_switch_and_a_reset(Backend backend)
    {
        using TestMachine machine = TestMachine.Create(backend, EmitEndless);
        PausePoint point = machine.Machine.AddPausePoint(Breakpoint(machine.Image["point"]));
        machine.Machine.Run();
        for (int i = 1; i <= 6; i++)
        {
            WaitPaused(machine);
            Assert.Equal(i, point.Hits);
            ulong done = machine.Word(LongModeLayout.Data);
            if (i == 4)
            {
                machine.Machine.Reset();
                Assert.Null(machine.Machine.PausedBy);
            }
            else
            {
                // In the midst of a hit: the instruction is not reported twice, nor lost.
                Assert.Equal(i < 4 ? (ulong)i - 1 : (ulong)i - 5, done);
                _ = machine.Machine.SwitchVendor((i % 2 == 0 ? GuestVendor.Intel : GuestVendor.Amd).Cpu());
            }

            machine.Machine.Run();
        }
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void A_step_from_a_breakpoint_executes_it_and_does_not_stop_at_the_next(Backend backend)
    {
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            b.Define("first");
            b.Code.nop();
            b.Define("second");
            b.Code.nop();
            b.Define("third");
            b.Code.nop();
            b.Exit(0);
        });
        machine.Machine.AddPausePoint(Breakpoint(machine.Image["first"]));
        machine.Machine.AddPausePoint(Breakpoint(machine.Image["second"]));
        machine.Machine.Run();
        WaitPaused(machine);
        Assert.Equal(machine.Image["first"], machine.Machine.Processors[0].Rip);
        machine.Machine.Step();
        Assert.Equal(machine.Image["second"], machine.Machine.Processors[0].Rip);
        machine.Machine.Step();
        Assert.Equal(machine.Image["third"], machine.Machine.Processors[0].Rip);
        machine.RunToEnd(expected: 1);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Debug_registers_of_the_guests_own_hold_what_it_put_there(Backend backend)
    {
        ulong seen = 0;
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            seen = b.Reserve(32);
            // Addresses that nobody comes by, not switched on.
            c.mov(eax, 0x1111);
            c.mov(dr0, rax);
            c.mov(eax, 0x2222);
            c.mov(dr3, rax);
            b.Define("point");
            c.mov(rax, dr0);
            c.mov(__qword_ptr[seen], rax);
            c.mov(rax, dr3);
            c.mov(__qword_ptr[seen + 8], rax);
            c.mov(rax, dr7);
            c.and(eax, 0xFF);
            c.mov(__qword_ptr[seen + 16], rax);
            b.Exit(0);
        });
        machine.Machine.AddPausePoint(Breakpoint(machine.Image["point"]));
        Assert.Single(RunThrough(machine, expected: 1));
        Assert.Equal([0x1111UL, 0x2222, 0], machine.Words(seen, 3));
    }

    [Fact]
    public void A_guest_with_a_breakpoint_of_its_own_on_the_same_instruction_gets_its_exception()
    {
        // On KVM the guest's own DR0 to DR3 have no effect while interception uses the processor's.
        ulong count = 0;
        using TestMachine machine = TestMachine.Create(Backend.Software, b =>
        {
            Assembler c = b.Code;
            count = b.Reserve(8);
            b.Handle(1, "debug");
            b.LoadAddress(rax, "point");
            c.mov(dr0, rax);
            c.mov(eax, 0x402);
            c.mov(dr7, rax);
            c.mov(ecx, Rounds);
            b.Define("point");
            c.dec(ecx);
            c.jne(b.Symbol("point"));
            b.Exit(0);
            b.Define("debug");
            c.inc(__qword_ptr[count]);
            c.or(__dword_ptr[rsp + 16], 0x10000);
            c.iretq();
        });
        machine.Machine.AddPausePoint(Breakpoint(machine.Image["point"]));
        Assert.Equal(Rounds, RunThrough(machine, expected: 1).Count);
        Assert.Equal((ulong)Rounds, machine.Word(count));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Interrupts_around_a_breakpoint_lose_no_hit(Backend backend)
    {
        ulong words = 0;
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            words = b.Reserve(16);
            b.Handle(0x40, "tick");
            b.EnableLocalApic();
            b.StartTimer(backend.TicksPerSecond());
            c.sti();
            c.xor(r12d, r12d);
            b.Define("loop");
            c.mov(ecx, 300);
            b.Define("wait");
            c.dec(ecx);
            c.jne(b.Symbol("wait"));
            b.Define("point");
            c.inc(r12);
            c.cmp(r12, 100);
            c.jne(b.Symbol("loop"));
            c.cli();
            c.mov(__qword_ptr[words], r12);
            b.Exit(0);
            b.Define("tick");
            c.inc(__qword_ptr[words + 8]);
            b.EndOfInterrupt();
            c.iretq();
        });
        machine.Machine.AddPausePoint(Breakpoint(machine.Image["point"]));
        Assert.Equal(100, RunThrough(machine, expected: 1).Count);
        Assert.Equal(100UL, machine.Word(words));
        Assert.NotEqual(0UL, machine.Word(words + 8));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Too_many_and_bad_points_are_refused_in_words(Backend backend)
    {
        using TestMachine machine = TestMachine.Create(backend, EmitEndless);
        VirtualMachine m = machine.Machine;
        int room = ((IBreakpoints)m.Processors[0].Processor).BreakpointCapacity;
        Assert.True(room >= (backend == Backend.Software ? 64 : 2));
        for (int i = 0; i < Math.Min(room, VirtualMachine.MostPausePoints); i++)
        {
            m.AddPausePoint(Breakpoint(0x5000 + (ulong)i));
        }

        if (room < VirtualMachine.MostPausePoints)
        {
            MachineOptionException full = Assert.Throws<MachineOptionException>(() => m.AddPausePoint(Breakpoint(0x6000)));
            Assert.Equal("address", full.Field);
            Assert.Contains($"{room} breakpoints", full.Message, StringComparison.Ordinal);
            // The same address twice needs no second register.
            m.AddPausePoint(Breakpoint(0x5000) with { Once = true });
        }

        Assert.Equal("reason", Assert.Throws<MachineOptionException>(() => m.SetPausePoints([new() { Kind = PausePointKind.Exit, Reason = ExitReason.Interrupted }])).Field[10..]);
        Assert.Equal("processor", Assert.Throws<MachineOptionException>(() => m.SetPausePoints([Breakpoint(1) with { Processor = 1 }])).Field[10..]);
        m.SetPausePoints([]);
        Assert.Empty(m.PausePoints);
        for (int i = 0; i < VirtualMachine.MostPausePoints; i++)
        {
            m.AddPausePoint(new() { Kind = PausePointKind.Hypercall, Number = (ulong)i });
        }

        Assert.Throws<MachineStateException>(() => m.AddPausePoint(new() { Kind = PausePointKind.Patch }));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Points_and_commands_from_all_sides_never_hang(Backend backend)
    {
        Random random = Seed.NewRandom();
        const int Processors = 3;
        TestMachine machine = TestMachine.Create(backend, b => EmitSmpEndless(b), image: new LongModeOptions { Processors = Processors });
        using (machine)
        {
            int[] seeds = [random.Next(), random.Next(), random.Next()];
            Exception? failure = null;
            Thread[] threads = [.. seeds.Select(seed => new Thread(() =>
            {
                Random own = new(seed);
                for (int i = 0; i < 60 && failure is null; i++)
                {
                    try
                    {
                        Command(machine, own);
                    }
                    catch (Exception e) when (e is MachineStateException && !e.Message.Contains("did not", StringComparison.Ordinal))
                    {
                    }
                    catch (Exception e)
                    {
                        failure = e;
                    }
                }
            })
            { IsBackground = true })];
            Array.ForEach(threads, thread => thread.Start());
            Assert.All(threads, thread => Assert.True(thread.Join(TimeSpan.FromSeconds(120)), "a command hangs"));
            Assert.Null(failure);
            Assert.NotEqual(MachineState.Failed, machine.Machine.State);
            machine.Machine.SetPausePoints([]);
            machine.Machine.Run();
            ulong before = machine.Word(LongModeLayout.Data);
            machine.WaitUntil(() => machine.Word(LongModeLayout.Data) != before, "it still runs");

            // Ended in the midst of pausing by itself.
            machine.Machine.AddPausePoint(Breakpoint(machine.Image["point"]));
        }

        Assert.All(machine.Machine.Processors, processor => Assert.Equal(ProcessorRunState.Stopped, processor.State));
    }

    private static PausePointOptions Breakpoint(ulong address) => new() { Kind = PausePointKind.Address, Address = address };

    private static void Command(TestMachine machine, Random random)
    {
        VirtualMachine m = machine.Machine;
        switch (random.Next(0, 10))
        {
            case 0 or 1 or 2:
                m.Run();
                break;
            case 3:
                m.Pause();
                break;
            case 4:
                m.Step();
                break;
            case 5:
                _ = m.SwitchVendor((random.Next(0, 2) == 0 ? GuestVendor.Intel : GuestVendor.Amd).Cpu());
                break;
            case 6:
                m.SetPausePoints([Breakpoint(machine.Image["point"]) with { Once = random.Next(0, 2) == 0 }, new() { Kind = PausePointKind.Patch }]);
                break;
            case 7:
                m.SetPausePoints([new() { Kind = PausePointKind.Exit, Reason = ExitReason.Hypercall, Processor = 1 }, Breakpoint(machine.Image["call"]) with { Processor = 2 }]);
                break;
            case 8:
                m.SetPausePoints([]);
                break;
            default:
                m.Reset();
                break;
        }
    }

    // Lets a machine go on each time that it has paused by itself; tells the causes.
    private static List<PauseCause> RunThrough(TestMachine machine, int expected)
    {
        List<PauseCause> causes = [];
        machine.Machine.Run();
        for (; ; )
        {
            machine.WaitUntilOrEnd(() => machine.Machine.State == MachineState.Paused);
            if (machine.Machine.State != MachineState.Paused)
            {
                machine.WaitForEnd(expected);
                return causes;
            }

            machine.Machine.Pause(); // until all are parked
            Assert.All(machine.Machine.Processors, processor => Assert.Equal(ProcessorRunState.Paused, processor.State));
            causes.Add(machine.Machine.PausedBy!);
            Assert.True(causes.Count <= 1000, $"{causes.Count} pauses, the latest at 0x{causes[^1].Rip:X}");
            machine.Machine.Run();
        }
    }

    private static void WaitPaused(TestMachine machine)
    {
        machine.WaitUntil(() => machine.Machine.State == MachineState.Paused, "it paused by itself");
        machine.Machine.Pause();
    }

    private static void EmitEndless(LongModeImageBuilder b)
    {
        Assembler c = b.Code;
        ulong counter = b.Reserve(8);
        Assert.Equal(LongModeLayout.Data, counter);
        b.Define("point");
        c.inc(__qword_ptr[counter]);
        c.jmp(b.Symbol("point"));
        b.Define("never");
        c.nop();
    }

    private static void EmitSmpEndless(LongModeImageBuilder b)
    {
        Assembler c = b.Code;
        ulong counter = b.Reserve(8);
        b.Define("point");
        c.@lock.inc(__qword_ptr[counter]);
        c.mov(eax, 0x1234);
        b.Define("call");
        b.Hypercall(GuestVendor.Amd);
        c.jmp(b.Symbol("point"));
    }

    private static ulong EmitSmp(LongModeImageBuilder b, int processors)
    {
        Assembler c = b.Code;
        ulong done = b.Reserve(8 * processors);
        ulong ended = b.Reserve(8);
        c.xor(r12d, r12d);
        b.Define("all");
        c.inc(r12);
        b.Define("one");
        c.nop();
        c.cmp(r12, Rounds);
        c.jne(b.Symbol("all"));
        c.mov(__qword_ptr[(rdi * 8) + (long)done], r12);
        c.@lock.inc(__qword_ptr[ended]);
        c.test(edi, edi);
        c.jne(b.Symbol("halt"));
        b.Define("wait");
        c.pause();
        c.cmp(__qword_ptr[ended], processors);
        c.jne(b.Symbol("wait"));
        b.Exit(0);
        b.Define("halt");
        b.Halt();
        return done;
    }

    // Three rounds with a port access, a hypercall from one of two sites (the first in the wrong form twice) and an undefined instruction.
    private static void EmitOneOfEach(LongModeImageBuilder b)
    {
        Assembler c = b.Code;
        b.Handle(6, "handler");
        c.mov(r12d, 3);
        b.Define("loop");
        c.mov(al, 0x41);
        b.Define("port");
        c.@out(0x80, al);
        c.mov(eax, (int)HypercallNumber.SchedYield);
        c.xor(ebx, ebx);
        b.LoadAddress(rdx, "yield");
        c.call(rdx);
        b.Define("undefined");
        c.ud2();
        c.cmp(r12d, 3);
        c.jne(b.Symbol("next"));
        c.mov(__byte_ptr[0x120002], 0xD9);
        b.Define("next");
        c.dec(r12d);
        c.jne(b.Symbol("loop"));
        b.Exit(0);
        b.Define("handler");
        c.add(__qword_ptr[rsp], 2);
        c.iretq();
        b.At(0x120000, PageFlags.Code | PageFlags.Writable);
        b.Define("yield");
        c.vmmcall();
        c.ret();
    }

    // Executes "point" Rounds times, counts in the first word, and leaves what else the instruction did in the others.
    private static ulong EmitLoop(LongModeImageBuilder b, string instruction)
    {
        Assembler c = b.Code;
        ulong result = b.Reserve(32);
        ulong scratch = b.Reserve(64);
        const ulong Missing = 0x0000_4000_0000_0000;
        c.xor(r12d, r12d);
        c.xor(r13d, r13d);
        c.mov(r14, result);
        if (instruction is "page fault")
        {
            // The handler lets the instruction begin anew where memory is.
            b.Handle(14, "fault");
        }
        else if (instruction is "div by zero skipped")
        {
            b.Handle(0, "fault");
        }
        else if (instruction is "rdmsr unknown")
        {
            b.Handle(13, "fault");
        }

        if (instruction == "jump to itself")
        {
            c.mov(ecx, Rounds);
            b.Define("point");
            c.loop(b.Symbol("point"));
            c.mov(r12d, Rounds);
            c.mov(__qword_ptr[result], r12);
            b.Exit(0);
            return result;
        }

        if (instruction == "user")
        {
            b.MapNew(0x4000_0000_0000, 1, PageFlags.Data | PageFlags.User);
            b.ExpectException("back");
            b.EnterUser("user", 0x4000_0000_0F00);
            b.Define("back");
            c.mov(__qword_ptr[result], r12);
            b.Exit(0);
            b.At(0x4100_0000_0000, PageFlags.Code | PageFlags.User);
            b.Define("user");
            c.nop();
            b.Define("point");
            c.inc(r12);
            c.cmp(r12, Rounds);
            c.jne(b.Symbol("user"));
            c.xor(ecx, ecx);
            c.div(ecx);
            return result;
        }

        b.Define("loop");
        switch (instruction)
        {
            case "add":
                b.Define("point");
                c.add(r13, 5);
                break;
            case "rep movsb":
                c.mov(rsi, result);
                c.mov(rdi, scratch);
                c.mov(ecx, 20);
                b.Define("point");
                c.rep.movsb();
                c.add(r13, rdi);
                break;
            case "out":
                c.mov(al, 1);
                b.Define("point");
                c.@out(0x80, al);
                break;
            case "in":
                b.Define("point");
                c.@in(al, 0x80);
                c.add(r13b, al);
                break;
            case "page fault":
                c.mov(rax, Missing);
                b.Define("point");
                c.mov(rbx, __qword_ptr[rax]);
                break;
            case "call":
                b.Define("point");
                c.call(b.Symbol("function"));
                break;
            case "div by zero skipped":
                c.xor(ecx, ecx);
                c.xor(edx, edx);
                b.Define("point");
                c.div(ecx);
                break;
            case "rdmsr unknown":
                c.mov(ecx, 0x1234_5678);
                b.Define("point");
                c.rdmsr();
                break;
            default:
                b.Define("point");
                c.pushfq();
                c.pop(rax);
                c.add(r13, rax);
                break;
        }

        c.inc(r12);
        c.cmp(r12, Rounds);
        c.jne(b.Symbol("loop"));
        c.mov(__qword_ptr[result], r12);
        c.mov(__qword_ptr[result + 8], r13);
        b.Exit(0);
        b.Define("function");
        c.inc(r13);
        c.ret();
        b.Define("fault");
        c.inc(r13);
        switch (instruction)
        {
            case "page fault":
                c.mov(rax, r14);
                c.add(rsp, 8);
                break;
            case "rdmsr unknown":
                c.add(rsp, 8);
                c.add(__qword_ptr[rsp], 2);
                break;
            default:
                c.add(__qword_ptr[rsp], 2);
                break;
        }

        c.iretq();
        return result;
    }
}
