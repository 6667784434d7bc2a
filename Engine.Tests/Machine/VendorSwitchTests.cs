using System.Buffers.Binary;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>A guest goes on as if nothing had happened, but for what CPUID says.</summary>
public sealed class VendorSwitchTests
{
    /// <summary>How often the tests switch; an even number comes back to the first vendor.</summary>
    private const int Switches = 6;

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Registers_and_MSRs_are_carried_over(Backend backend)
    {
        AssemblerRegister64[] registers = [rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15];
        (uint Index, ulong Value)[] msrs =
        [
            (0xC000_0081, 0x0023_0010_0000_0000), // STAR
            (0xC000_0082, 0xFFFF_FFFF_8000_1234), // LSTAR
            (0xC000_0084, 0x4_7700), // FMASK
            (0xC000_0100, 0x1111_2222_3333), // FS base
            (0xC000_0101, 0xFFFF_8111_2222_3333), // GS base
            (0xC000_0102, 0x4444_5555_6666), // kernel GS base
            (0x174, 0x10), // SYSENTER_CS
            (0x175, 0x7_7000), // SYSENTER_ESP
            (0x176, 0xFFFF_FFFF_8000_5678), // SYSENTER_EIP
            (0x277, 0x0007_0406_0007_0106), // PAT
        ];
        const ulong Pattern = 0xFEDC_BA98_7654_3210;
        ulong ready = 0, go = 0, after = 0, afterMsrs = 0, system = 0;
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            ready = b.Reserve(8);
            go = b.Reserve(8);
            after = b.Reserve(8 * 16);
            afterMsrs = b.Reserve(8 * msrs.Length);
            system = b.Reserve(8 * 8);
            foreach ((uint index, ulong value) in msrs)
            {
                b.WriteMsr(index, value);
            }

            c.mov(rax, 0xABCD_E000);
            c.mov(cr2, rax);
            c.mov(eax, 5);
            c.mov(cr8, rax);
            for (int i = 0; i < registers.Length; i++)
            {
                c.mov(registers[i], Pattern + (ulong)i);
            }

            Label wait = c.CreateLabel();
            c.mov(__qword_ptr[ready], 1);
            c.Label(ref wait);
            c.pause();
            c.cmp(__qword_ptr[go], 0);
            c.je(wait);
            for (int i = 0; i < registers.Length; i++)
            {
                c.mov(__qword_ptr[after + ((ulong)i * 8)], registers[i]);
            }

            c.mov(__qword_ptr[after + 112], rsp);
            c.mov(rax, cr2);
            b.StoreRax(system);
            c.mov(rax, cr8);
            b.StoreRax(system + 8);
            c.mov(rax, cr3);
            b.StoreRax(system + 16);
            c.str(eax);
            b.StoreRax(system + 24);
            c.sidt(__[system + 32]);
            for (int i = 0; i < msrs.Length; i++)
            {
                c.mov(ecx, msrs[i].Index);
                c.rdmsr();
                c.shl(rdx, 32);
                c.or(rax, rdx);
                b.StoreRax(afterMsrs + ((ulong)i * 8));
            }

            b.Exit(0);
        });
        machine.Machine.Run();
        machine.WaitUntil(() => machine.Word(ready) == 1, "the registers were set");
        Switch(machine, Switches + 1);
        Set(machine, go);
        machine.WaitForEnd(expected: 1);
        Assert.Equal(Enumerable.Range(0, registers.Length).Select(i => Pattern + (ulong)i), machine.Words(after, registers.Length));
        Assert.Equal(LongModeLayout.StackTop(0), machine.Word(after + 112));
        Assert.Equal([0xABCD_E000, 5, LongModeLayout.PageTables, LongModeSelectors.Task], machine.Words(system, 4));
        Assert.Equal(LongModeLayout.Idt, machine.Word(system + 34));
        Assert.Equal(msrs.Select(msr => msr.Value), machine.Words(afterMsrs, msrs.Length));
        Assert.Equal(Switches + 1, machine.Machine.Epoch);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Floating_point_and_vector_registers_are_carried_over(Backend backend)
    {
        // FXRSTOR loads the x87 and SSE state whole, FXSAVE tells it.
        byte[] image = new byte[512];
        BinaryPrimitives.WriteUInt16LittleEndian(image, 0x037F); // FCW
        image[4] = 0xFF; // all eight x87 registers are in use
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(24), 0x1FA0); // MXCSR
        for (int i = 0; i < 8; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(32 + (i * 16)), 0x8000_0000_0000_0000 + (ulong)i);
            BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(40 + (i * 16)), (ushort)(0x3FFF + i));
        }

        for (int i = 160; i < 160 + 256; i++)
        {
            image[i] = (byte)(i * 7);
        }

        ulong ready = 0, go = 0, after = 0;
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            ready = b.Reserve(8);
            go = b.Reserve(8);
            after = b.Reserve(512, 16);
            ulong before = b.Constant(image, 16);
            c.fxrstor64(__[before]);
            Label wait = c.CreateLabel();
            c.mov(__qword_ptr[ready], 1);
            c.Label(ref wait);
            c.pause();
            c.cmp(__qword_ptr[go], 0);
            c.je(wait);
            c.fxsave64(__[after]);
            b.Exit(0);
        });
        machine.Machine.Run();
        machine.WaitUntil(() => machine.Word(ready) == 1, "the registers were set");
        Switch(machine, Switches + 1);
        Set(machine, go);
        machine.WaitForEnd(expected: 1);
        byte[] saved = new byte[512];
        Assert.True(machine.Machine.TryReadMemory(after, saved));
        Assert.Equal(image[..2], saved[..2]);
        Assert.Equal(image[4], saved[4]);
        Assert.Equal(image[24..28], saved[24..28]);
        for (int i = 0; i < 8; i++)
        {
            Assert.Equal(image[(32 + (i * 16))..(42 + (i * 16))], saved[(32 + (i * 16))..(42 + (i * 16))]);
        }

        Assert.Equal(image[160..416], saved[160..416]);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Debug_registers_are_carried_over(Backend backend)
    {
        // DR7 stays off: the guest must not be stopped by what it only keeps there.
        ulong ready = 0, go = 0, after = 0;
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            ready = b.Reserve(8);
            go = b.Reserve(8);
            after = b.Reserve(8 * 5);
            AssemblerRegisterDR[] registers = [dr0, dr1, dr2, dr3];
            for (int i = 0; i < registers.Length; i++)
            {
                c.mov(rax, 0xFFFF_8000_0000_1000 + ((ulong)i << 12));
                c.mov(registers[i], rax);
            }

            Label wait = c.CreateLabel();
            c.mov(__qword_ptr[ready], 1);
            c.Label(ref wait);
            c.pause();
            c.cmp(__qword_ptr[go], 0);
            c.je(wait);
            for (int i = 0; i < registers.Length; i++)
            {
                c.mov(rax, registers[i]);
                b.StoreRax(after + ((ulong)i * 8));
            }

            c.mov(rax, dr7);
            b.StoreRax(after + 32);
            b.Exit(0);
        });
        machine.Machine.Run();
        machine.WaitUntil(() => machine.Word(ready) == 1, "the registers were set");
        Switch(machine, Switches + 1);
        Set(machine, go);
        machine.WaitForEnd(expected: 1);
        Assert.Equal(
            [0xFFFF_8000_0000_1000, 0xFFFF_8000_0000_2000, 0xFFFF_8000_0000_3000, 0xFFFF_8000_0000_4000, 0x400], machine.Words(after, 5));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Pending_interrupt_arrives_once_on_the_other_side(Backend backend)
    {
        ulong ready = 0, go = 0, count = 0;
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            ready = b.Reserve(8);
            go = b.Reserve(8);
            count = b.Reserve(8);
            b.EnableLocalApic();
            b.WriteMsr(X2Apic.InterruptCommand, (1 << 18) | Vectors.Ipi);
            Label wait = c.CreateLabel(), arrived = c.CreateLabel();
            c.mov(__qword_ptr[ready], 1);
            c.Label(ref wait);
            c.pause();
            c.cmp(__qword_ptr[go], 0);
            c.je(wait);
            c.sti();
            c.Label(ref arrived);
            c.pause();
            c.cmp(__qword_ptr[count], 0);
            c.je(arrived);
            // A second one would come now.
            for (int i = 0; i < 20; i++)
            {
                c.@out(0x80, al);
            }

            c.cli();
            b.Exit(0);
            b.Handle(Vectors.Ipi, "ipi");
            b.Define("ipi");
            c.inc(__qword_ptr[count]);
            b.EndOfInterrupt();
        });
        machine.Machine.Run();
        machine.WaitUntil(() => machine.Word(ready) == 1, "the interrupt was pending");
        Switch(machine, Switches);
        Assert.Equal(0UL, machine.Word(count));
        Set(machine, go);
        machine.WaitForEnd(expected: 1);
        Assert.Equal(1UL, machine.Word(count));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Timers_go_on(Backend backend)
    {
        // Periodic: ticks go on after every switch. The guest sleeps in between.
        ulong ticks = 0;
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            ticks = b.Reserve(8);
            b.EnableLocalApic();
            b.StartTimer(backend.TicksPerSecond());
            Label sleep = c.CreateLabel();
            c.sti();
            c.Label(ref sleep);
            c.hlt();
            c.jmp(sleep);
            b.Handle(Vectors.Timer, "timer");
            b.Define("timer");
            c.inc(__qword_ptr[ticks]);
            b.EndOfInterrupt();
        });
        machine.Machine.Run();
        for (int i = 0; i < Switches; i++)
        {
            ulong before = machine.Word(ticks);
            machine.WaitUntil(() => machine.Word(ticks) >= before + 3, $"the timer ticked after switch {i}");
            Switch(machine, 1);
        }
    }

    [Theory]
    [InlineData(Backend.Kvm, "one-shot")]
    [InlineData(Backend.Software, "one-shot")]
    [InlineData(Backend.Software, "deadline")]
    [InlineData(Backend.KvmStep, "one-shot")]
    [InlineData(Backend.Kvm, "deadline")]
    [InlineData(Backend.KvmStep, "deadline")]
    public void Single_timer_that_is_running_fires_once(Backend backend, string kind)
    {
        // Started long enough before the switches to be running during them.
        const ulong Nanoseconds = 150_000_000;
        const uint Deadline = 2 << 17;
        ulong ready = 0, fired = 0, supported = 0;
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            ready = b.Reserve(8);
            fired = b.Reserve(8);
            supported = b.Reserve(8);
            Label has = c.CreateLabel();
            b.EnableLocalApic();
            if (kind == "deadline")
            {
                c.mov(eax, 1);
                c.cpuid();
                c.bt(ecx, 24);
                c.jc(has);
                b.Exit(1);
                c.Label(ref has);
                c.mov(__qword_ptr[supported], 1);
                b.WriteMsr(X2Apic.TimerVector, Deadline | Vectors.Timer);
                c.rdtsc();
                c.shl(rdx, 32);
                c.or(rax, rdx);
                c.mov(rdx, Nanoseconds * 3);
                c.add(rax, rdx);
                c.mov(rdx, rax);
                c.shr(rdx, 32);
                c.mov(ecx, 0x6E0);
                c.wrmsr();
            }
            else
            {
                b.WriteMsr(X2Apic.TimerDivide, X2Apic.DivideBy1);
                b.WriteMsr(X2Apic.TimerVector, Vectors.Timer);
                b.WriteMsr(X2Apic.TimerInitialCount, Nanoseconds);
            }

            Label sleep = c.CreateLabel();
            c.mov(__qword_ptr[ready], 1);
            c.sti();
            c.Label(ref sleep);
            c.hlt();
            c.cmp(__qword_ptr[fired], 0);
            c.je(sleep);
            c.cli();
            b.Exit(0);
            b.Handle(Vectors.Timer, "timer");
            b.Define("timer");
            c.inc(__qword_ptr[fired]);
            b.EndOfInterrupt();
        });
        machine.Machine.Run();
        TestMachine.WaitFor(() => machine.Word(ready) == 1 || machine.Machine.Exit is not null, "the timer ran", machine.Describe);
        Assert.SkipWhen(kind == "deadline" && machine.Machine.Exit?.Code == 3, "this processor's local APIC has no TSC deadline");
        try
        {
            Switch(machine, 3);
        }
        catch (MachineStateException) when (machine.Machine.State == MachineState.Stopped)
        {
            // On a very slow host it fired before.
        }

        machine.WaitForEnd(expected: 1);
        Assert.Equal(1UL, machine.Word(fired));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Time_stamp_counter_never_goes_back(Backend backend)
    {
        ulong words = 0;
        using TestMachine machine = TestMachine.Create(
            backend,
            b =>
            {
                Assembler c = b.Code;
                words = b.Reserve(32);
                Label again = c.CreateLabel(), forward = c.CreateLabel();
                c.mov(r15, rdi);
                c.shl(r15, 4);
                c.add(r15, (int)words);
                c.xor(ebx, ebx);
                c.Label(ref again);
                c.rdtsc();
                c.shl(rdx, 32);
                c.or(rax, rdx);
                c.cmp(rax, rbx);
                c.ja(forward);
                c.inc(__qword_ptr[r15]);
                c.Label(ref forward);
                c.mov(rbx, rax);
                c.inc(__qword_ptr[r15 + 8]);
                c.jmp(again);
            },
            image: new LongModeOptions { Processors = 2 });
        machine.Machine.Run();
        for (int i = 0; i < Switches; i++)
        {
            ulong[] before = machine.Words(words, 4);
            machine.WaitUntil(() => machine.Word(words + 8) > before[1] + 10 && machine.Word(words + 24) > before[3] + 10, "both read the counter");
            Switch(machine, 1);
        }

        machine.Machine.Pause();
        Assert.Equal((0UL, 0UL), (machine.Word(words), machine.Word(words + 16)));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Halted_processors_stay_halted_and_can_still_be_woken(Backend backend)
    {
        // Processor 1 sleeps with interrupts off, 2 with interrupts on; 0 spins, then kicks the one and interrupts the other.
        ulong ready = 0, go = 0, woken = 0;
        using TestMachine machine = TestMachine.Create(
            backend,
            b =>
            {
                Assembler c = b.Code;
                ready = b.Reserve(8);
                go = b.Reserve(8);
                woken = b.Reserve(8 * 4);
                Label first = c.CreateLabel(), off = c.CreateLabel(), wait = c.CreateLabel(), both = c.CreateLabel(), done = c.CreateLabel();
                c.mov(r12, rdi);
                b.EnableLocalApic();
                c.test(r12d, r12d);
                c.je(first);
                c.@lock.inc(__qword_ptr[ready]);
                c.cmp(r12d, 1);
                c.je(off);
                c.sti();
                c.Label(ref off);
                c.hlt();
                c.inc(__qword_ptr[(r12 * 8) + (int)woken]);
                b.Halt();

                c.Label(ref first);
                c.zero_bytes();
                c.Label(ref wait);
                c.pause();
                c.cmp(__qword_ptr[go], 0);
                c.je(wait);
                c.mov(eax, 5);
                c.mov(ecx, 1);
                b.Hypercall(GuestVendor.Amd);
                c.mov(eax, 10);
                c.mov(ebx, 0b100);
                c.xor(ecx, ecx);
                c.xor(edx, edx);
                c.mov(esi, Vectors.Ipi);
                b.Hypercall(GuestVendor.Intel);
                c.Label(ref both);
                c.pause();
                c.mov(rax, __qword_ptr[woken + 8]);
                c.add(rax, __qword_ptr[woken + 16]);
                c.cmp(rax, 2);
                c.je(done);
                c.jmp(both);
                c.Label(ref done);
                b.Exit(0);
                b.Handle(Vectors.Ipi, "ipi");
                b.Define("ipi");
                b.EndOfInterrupt();
            },
            image: new LongModeOptions { Processors = 3 });
        machine.Machine.Run();
        Settle();
        for (int i = 0; i < Switches; i++)
        {
            Switch(machine, 1);
            Settle();
            Assert.Equal([0, 0, 0], machine.Words(woken, 3));
        }

        Set(machine, go);
        machine.WaitForEnd(expected: 1);
        Assert.Equal([0, 1, 1], machine.Words(woken, 3));

        void Settle() => machine.WaitUntil(
            () => machine.Word(ready) == 2 && machine.Machine.Processors.Skip(1).All(processor => processor.State == ProcessorRunState.Halted),
            "both slept");
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Created_and_paused_machines_switch_and_stay_what_they_are(Backend backend)
    {
        ulong vendor = 0;
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            vendor = b.Reserve(16);
            Label again = c.CreateLabel();
            c.Label(ref again);
            c.xor(eax, eax);
            c.cpuid();
            c.mov(__dword_ptr[vendor], ebx);
            c.inc(__qword_ptr[vendor + 8]);
            c.jmp(again);
        });
        VirtualMachine vm = machine.Machine;
        VendorSwitch first = Assert.IsType<VendorSwitch>(vm.SwitchVendor(GuestVendor.Amd.Cpu()));
        Assert.Equal(("intel", "amd"), (first.From, first.To));
        Assert.Equal(MachineState.Created, vm.State);
        vm.Run();
        machine.WaitUntil(() => Seen() == "Auth", "the guest saw AMD");
        vm.Pause();
        Assert.NotNull(vm.SwitchVendor(GuestVendor.Intel.Cpu()));
        Assert.Null(vm.SwitchVendor(GuestVendor.Intel.Cpu()));
        Assert.Equal((MachineState.Paused, 2), (vm.State, vm.Epoch));
        Assert.Equal("Auth", Seen());
        vm.Run();
        machine.WaitUntil(() => Seen() == "Genu", "the guest saw Intel");
        Assert.Equal(2, vm.Timeline.Read().Count(entry => entry.Kind == "vendor"));

        string Seen() => System.Text.Encoding.ASCII.GetString(BitConverter.GetBytes((uint)machine.Word(vendor)));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Pending_access_is_completed_before_the_switch(Backend backend)
    {
        // Port and memory where there is nothing read as ones; an access that a switch cut in two would not.
        ulong wrong = 0, turns = 0;
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            wrong = b.Reserve(8);
            turns = b.Reserve(8);
            Label again = c.CreateLabel(), right = c.CreateLabel();
            c.mov(rbx, 0xD000_0000);
            c.Label(ref again);
            c.xor(eax, eax);
            c.@in(eax, 0x71);
            c.cmp(eax, -1);
            c.je(right);
            c.inc(__qword_ptr[wrong]);
            c.Label(ref right);
            Label alsoRight = c.CreateLabel();
            c.mov(ecx, __dword_ptr[rbx]);
            c.cmp(ecx, -1);
            c.je(alsoRight);
            c.inc(__qword_ptr[wrong]);
            c.Label(ref alsoRight);
            c.inc(__qword_ptr[turns]);
            c.jmp(again);
        });
        machine.Machine.Run();
        for (int i = 0; i < 20; i++)
        {
            ulong before = machine.Word(turns);
            machine.WaitUntil(() => machine.Word(turns) > before + 5, "some turns");
            Switch(machine, 1);
        }

        machine.WaitUntil(() => machine.Word(turns) > 200, "enough turns");
        machine.Machine.Pause();
        Assert.Equal(0UL, machine.Word(wrong));
    }

    // Switches to the other vendor again and again.
    private static void Switch(TestMachine machine, int times)
    {
        for (int i = 0; i < times; i++)
        {
            GuestVendor next = machine.Machine.Vendor == GuestVendor.Intel.Cpu() ? GuestVendor.Amd : GuestVendor.Intel;
            Assert.NotNull(machine.Machine.SwitchVendor(next.Cpu()));
            Assert.Equal(next.Cpu(), machine.Machine.Vendor);
        }
    }

    private static void Set(TestMachine machine, ulong variable) =>
        Assert.True(machine.Machine.Memory.TryWrite(variable, BitConverter.GetBytes(1UL)));
}
