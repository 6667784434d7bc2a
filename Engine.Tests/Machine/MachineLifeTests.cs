using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Engine.Vendors;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>How machines begin, stop, go on and end, the good way and the bad.</summary>
public sealed class MachineLifeTests
{
    public static MatrixTheoryData<Backend, int> ExitValues => Backends.With(0, 1, 3, 62, 63, 127, 128, 255);

    public static MatrixTheoryData<Backend, string> Loops => Backends.With("jmp", "cli; jmp", "pause", "hlt with a timer", "rep movsb", "in");

    [Theory, MemberData(nameof(ExitValues))]
    public void Debug_exit_becomes_the_status(Backend backend, int value)
    {
        using TestMachine machine = TestMachine.Create(backend, b => b.Exit((byte)value));
        MachineExit exit = machine.RunToEnd();
        Assert.Equal(MachineState.Stopped, machine.Machine.State);
        Assert.Equal(((value * 2) + 1) % 256, exit.Code);
        Assert.Contains("0xF4", exit.Reason, StringComparison.Ordinal);
        Assert.Contains(machine.Machine.Timeline.Read(), entry => entry.Kind == "stopped" && entry.Text == exit.Reason);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Halting_for_good_is_an_end_with_0(Backend backend)
    {
        using TestMachine machine = TestMachine.Create(
            backend,
            b => b.Halt(),
            image: new LongModeOptions { Processors = 3 },
            options: new VirtualMachineOptions { MemoryMiB = 4, FramesPerSecond = 20 });
        MachineExit exit = machine.RunToEnd(expected: 0);
        Assert.Equal(MachineState.Stopped, machine.Machine.State);
        Assert.Contains("halted", exit.Reason, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Triple_fault_is_a_failure(Backend backend)
    {
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            ulong none = b.Reserve(16);
            c.lidt(__[none]);
            c.xor(ecx, ecx);
            c.div(ecx);
        });
        MachineExit exit = machine.RunToEnd(expected: MachineExit.FailureCode);
        Assert.Equal(MachineState.Failed, machine.Machine.State);
        Assert.Contains("triple-fault", exit.Reason, StringComparison.Ordinal);
        Assert.StartsWith("Processor 0", exit.Reason, StringComparison.Ordinal);
        Assert.Contains(machine.Machine.Timeline.Read(), entry => entry.Kind == "failed" && entry.Text == exit.Reason);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Hypercall_without_a_handler_table_is_a_triple_fault_at_worst(Backend backend)
    {
        // Interception goes by way of the guest's own #UD gate: without one, a wrong form cannot be taken at level trap.
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            ulong none = b.Reserve(16);
            b.Code.lidt(__[none]);
            b.Code.@out(0x80, al);
            b.Hypercall(GuestVendor.Amd);
            b.Exit(0);
        });
        MachineExit exit = machine.RunToEnd();
        Assert.True(exit.Code is 1 or MachineExit.FailureCode, exit.Reason);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Instruction_that_the_host_cannot_carry_out_is_a_failure_in_words(Backend backend)
    {
        // XRSTOR is one that an emulating host does not know.
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            ulong area = b.Reserve(1024, 64);
            c.mov(rax, cr4);
            c.or(rax, 1 << 18);
            c.mov(cr4, rax);
            c.mov(eax, 1);
            c.xor(edx, edx);
            b.Define("site");
            c.xrstor(__[area]);
            b.Exit(0);
        });
        MachineExit exit = machine.RunToEnd();
        Assert.SkipWhen(exit.Code != MachineExit.FailureCode, "this host carries out XRSTOR");
        Assert.Equal(MachineState.Failed, machine.Machine.State);
        Assert.Contains("cannot emulate", exit.Reason, StringComparison.Ordinal);
        Assert.Contains($"0x{machine.Image["site"]:X}", exit.Reason, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Running_into_nothing_ends_the_machine(Backend backend)
    {
        using TestMachine machine = TestMachine.Create(backend, b => b.CallAt(0xD000_0000));
        MachineExit exit = machine.RunToEnd();
        Assert.Equal((MachineState.Failed, MachineExit.FailureCode), (machine.Machine.State, exit.Code));
    }

    [Theory, MemberData(nameof(Loops))]
    public void Endless_loops_are_paused_and_disposed(Backend backend, string loop)
    {
        TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            Label again = c.CreateLabel();
            if (loop == "hlt with a timer")
            {
                b.Handle(Vectors.Timer, "timer");
                b.EnableLocalApic();
                b.StartTimer(backend.TicksPerSecond());
                c.sti();
            }
            else if (loop == "cli; jmp")
            {
                c.cli();
            }

            c.Label(ref again);
            switch (loop)
            {
                case "pause":
                    c.pause();
                    break;
                case "hlt with a timer":
                    c.hlt();
                    break;
                case "rep movsb":
                    c.mov(esi, (uint)LongModeLayout.Data);
                    c.mov(edi, (uint)LongModeLayout.Data);
                    c.mov(ecx, 0x10000);
                    c.rep.movsb();
                    break;
                case "in":
                    c.@in(eax, 0x71);
                    break;
            }

            c.jmp(again);
            b.Define("timer");
            b.EndOfInterrupt();
        });
        using (machine)
        {
            for (int i = 0; i < 3; i++)
            {
                machine.Machine.Run();
                machine.WaitUntil(() => machine.Machine.Processors[0].State is ProcessorRunState.Running or ProcessorRunState.Halted, "it ran");
                machine.Machine.Pause();
                Assert.Equal(MachineState.Paused, machine.Machine.State);
                Assert.All(machine.Machine.Processors, processor => Assert.Equal(ProcessorRunState.Paused, processor.State));
            }

            machine.Machine.Run();
        }

        Assert.All(machine.Machine.Processors, processor => Assert.Equal(ProcessorRunState.Stopped, processor.State));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Pause_is_at_an_instruction_boundary(Backend backend)
    {
        // EAX is one value before IN and another after it: a pause in the middle of the access would show the wrong one.
        const uint Before = 0x1111_1111;
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            Label again = c.CreateLabel();
            c.Label(ref again);
            c.mov(eax, Before);
            b.Define("in");
            c.@in(eax, 0x71);
            b.Define("after");
            c.jmp(again);
        });
        Dictionary<ulong, int> seen = [];
        for (int i = 0; i < 100; i++)
        {
            machine.Machine.Run();
            long exits = machine.Machine.Journal.Count;
            machine.WaitUntil(() => machine.Machine.Journal.Count > exits + (i % 5), "some accesses");
            machine.Machine.Pause();
            ProcessorSnapshot snapshot = machine.Machine.Processors[0].Snapshot!;
            ulong rip = snapshot.Registers.Rip;
            seen[rip] = seen.GetValueOrDefault(rip) + 1;
            Assert.Equal(rip == machine.Image["in"] ? Before : uint.MaxValue, (uint)snapshot.Registers.Rax);
            Assert.Equal((64, 0), (snapshot.CodeBits, snapshot.Cpl));
        }

        Assert.True(seen.ContainsKey(machine.Image["after"]), "at least one pause was during an access");
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Step_goes_instruction_by_instruction(Backend backend)
    {
        List<string> names = ["nop", "patched", "store", "out", "loop", "jump"];
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            ulong result = b.Reserve(8);
            Label next = c.CreateLabel();
            b.Define("nop");
            c.nop();
            b.Define("patched");
            b.Hypercall(GuestVendor.Amd);
            b.Define("store");
            b.StoreRax(result);
            b.Define("out");
            c.@out(0x80, al);
            b.Define("loop");
            c.jmp(next);
            c.ud2();
            c.Label(ref next);
            b.Define("jump");
            c.jmp(next);
        });
        List<ulong> rips = [];
        for (int i = 0; i < 12; i++)
        {
            machine.Machine.Step();
            Assert.Equal(MachineState.Paused, machine.Machine.State);
            rips.Add(machine.Machine.Processors[0].Snapshot!.Registers.Rip);
        }

        Assert.Equal(names[1..].Select(name => machine.Image[name]), rips.Distinct());
        Assert.Equal(rips.Order(), rips);
        Assert.Equal((1, 1), (machine.Served, machine.Patched));
    }

    // In a deterministic machine nobody can be stepped out of turn: its own tests have that.
    public static TheoryData<Backend> EachForItself => new(Enum.GetValues<Backend>().Where(backend => backend != Backend.Deterministic));

    [Theory, MemberData(nameof(EachForItself))]
    public void Step_moves_only_the_processor_that_is_named(Backend backend)
    {
        using TestMachine machine = TestMachine.Create(
            backend,
            b =>
            {
                for (int i = 0; i < 50; i++)
                {
                    b.Code.nop();
                }

                b.Halt();
            },
            image: new LongModeOptions { Processors = 2 });
        machine.Machine.Step(1);
        machine.Machine.Step(1);
        machine.Machine.Step();
        Assert.Equal(
            [LongModeLayout.Text + 1, LongModeLayout.Text + 3],
            machine.Machine.Processors.Select(processor => processor.Snapshot!.Registers.Rip));
        MachineOptionException e = Assert.Throws<MachineOptionException>(() => machine.Machine.Step(2));
        Assert.Equal("processor", e.Field);
        Assert.Throws<MachineOptionException>(() => machine.Machine.Step(-1));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Steps_into_handlers_leave_nothing_behind(Backend backend)
    {
        // Exceptions are delivered during steps, and interrupts where the host does not hold them back. The host's TF must not be in their
        // frames: with IRETQ it would become the guest's own, and its next instruction a #DB that nobody expects, at the latest when the
        // machine runs on.
        ulong ticks = 0, faults = 0;
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            ticks = b.Reserve(8);
            faults = b.Reserve(8);
            Label again = c.CreateLabel();
            b.EnableLocalApic();
            b.StartTimer(backend.TicksPerSecond(isStepped: true));
            c.sti();
            c.Label(ref again);
            c.mov(rax, __qword_ptr[0x10]);
            c.pause();
            c.jmp(again);
            b.Handle(Vectors.Timer, "timer");
            b.Define("timer");
            c.inc(__qword_ptr[ticks]);
            b.EndOfInterrupt();
            b.Handle(Vectors.PageFault, "fault");
            b.Define("fault");
            c.inc(__qword_ptr[faults]);
            c.add(rsp, 8);
            c.add(__qword_ptr[rsp], 8);
            c.iretq();
        });
        for (int i = 0; i < 3; i++)
        {
            machine.Machine.Run();
            machine.WaitUntil(() => machine.Word(faults) > 10 && machine.Word(ticks) > 0, "faults and ticks");
            machine.Machine.Pause();
            ulong before = machine.Word(faults);
            for (int step = 0; step < 5000 && machine.Word(faults) < before + 5; step++)
            {
                machine.Machine.Step();
            }

            Assert.True(machine.Word(faults) >= before + 5, machine.Describe());
            before = machine.Word(faults);
            ulong ticked = machine.Word(ticks);
            machine.Machine.Run();
            machine.WaitUntil(() => machine.Word(faults) > before + 10 && machine.Word(ticks) > ticked, "it went on");
            machine.Machine.Pause();
        }

        Assert.Equal(0u, machine.Exception().Count);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Commands_that_do_not_fit_are_refused(Backend backend)
    {
        TestMachine machine = TestMachine.Create(backend, "exit-storm", new VirtualMachineOptions { MemoryMiB = 4 });
        VirtualMachine vm = machine.Machine;
        using (machine)
        {
            Assert.Equal(MachineState.Created, vm.State);
            vm.Pause();
            Assert.Equal(MachineState.Created, vm.State);
            vm.Run();
            vm.Run();
            Assert.Throws<MachineStateException>(() => vm.Step());
            Assert.Null(vm.SwitchVendor(CpuVendor.Intel));
            vm.Pause();
            vm.Pause();
            vm.SetPolicy(PatchPolicy.Inject);
            Assert.Equal(PatchPolicy.Inject, vm.Policy);
            Assert.Equal("policy", Assert.Throws<MachineOptionException>(() => vm.SetPolicy((PatchPolicy)77)).Field);
            Assert.Throws<ArgumentNullException>(() => vm.SwitchVendor(null!));
        }

        machine.Dispose();
        Assert.Throws<ObjectDisposedException>(vm.Run);
        Assert.Throws<ObjectDisposedException>(vm.Pause);
        Assert.Throws<ObjectDisposedException>(() => vm.Step());
        Assert.Throws<ObjectDisposedException>(vm.Reset);
        Assert.Throws<ObjectDisposedException>(() => vm.SwitchVendor(CpuVendor.Amd));
        Assert.False(vm.TryReadMemory(0x1000, new byte[1]));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Machine_that_is_over_only_takes_a_reset(Backend backend)
    {
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            b.Code.mov(eax, 1);
            b.Define("site");
            b.Hypercall(GuestVendor.Amd);
            b.Print("done\n");
            b.Exit(0);
        });
        VirtualMachine vm = machine.Machine;
        Assert.Throws<MachineStateException>(vm.Run);
        Assert.Throws<MachineStateException>(vm.Pause);
        Assert.Throws<MachineStateException>(() => vm.Step());
        Assert.Contains(
            "0xF4", Assert.Throws<MachineStateException>(() => vm.SwitchVendor(CpuVendor.Amd)).Message, StringComparison.Ordinal);

        vm.Reset();
        Assert.Equal((MachineState.Created, (MachineExit?)null), (vm.State, vm.Exit));
        Assert.Empty(vm.Sites.All());
        Assert.Equal([0x0F, 0x01, 0xD9], machine.Bytes("site", 3));
        machine.RunToEnd(expected: 1);
        Assert.Equal("done\ndone\n", machine.Serial);
        Assert.Equal(1, machine.Site("site").Patches);
        Assert.Equal(2, machine.Patched);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Reset_of_a_running_machine_starts_it_again(Backend backend)
    {
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Label again = b.Code.CreateLabel();
            b.Print("start\n");
            b.Code.Label(ref again);
            b.Code.pause();
            b.Code.jmp(again);
        });
        machine.Machine.Run();
        for (int i = 1; i <= 3; i++)
        {
            machine.WaitUntil(() => machine.Serial.Split('\n').Length - 1 == i, $"start {i}");
            machine.Machine.Reset();
            Assert.Equal(MachineState.Running, machine.Machine.State);
        }
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Serial_input_reaches_the_guest(Backend backend)
    {
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            // Echoes each letter in upper case; a dot ends it.
            Assembler c = b.Code;
            Label wait = c.CreateLabel();
            c.Label(ref wait);
            c.pause();
            c.mov(edx, 0x3FD);
            c.@in(al, dx);
            c.test(al, 1);
            c.je(wait);
            c.mov(edx, 0x3F8);
            c.@in(al, dx);
            c.sub(al, 0x20);
            c.@out(dx, al);
            c.cmp(al, '.' - 0x20);
            c.jne(wait);
            b.Exit(0);
        });
        machine.Machine.Run();
        Assert.Equal(5, machine.Machine.Serial.SendInput("hello"u8));
        machine.WaitUntil(() => machine.Serial == "HELLO", "the echo");
        Assert.Equal(1, machine.Machine.Serial.SendInput("."u8));
        machine.WaitForEnd(expected: 1);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Memory_where_there_is_none_reads_as_ones_and_unknown_MSRs_fault(Backend backend)
    {
        ulong results = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            Assembler c = b.Code;
            results = b.Reserve(32);
            c.mov(rbx, 0xD000_0000);
            c.mov(__dword_ptr[rbx], 0x1234);
            c.mov(rax, __qword_ptr[rbx]);
            b.StoreRax(results);
            b.ExpectException("end");
            c.mov(ecx, 0x1234_5678);
            c.rdmsr();
            b.Define("end");
            b.Exit(0);
        });
        Assert.Equal(ulong.MaxValue, machine.Word(results));
        Assert.Equal((13u, 1u, 0UL), (machine.Exception().Vector, machine.Exception().Count, machine.Exception().ErrorCode));
    }
}
