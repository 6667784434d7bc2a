using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Interception;

/// <summary>The retry of a repaired instruction is one instruction to the guest: for its single step, its interrupts, its breakpoints.</summary>
public sealed class DebugAndInterruptTests
{
    private const int Trap = 0x100;
    private const int DebugVector = 1;

    // While the host single-steps, KVM takes TF away from the guest (KVM_GUESTDBG_SINGLESTEP): such a guest never gets its #DB.
    public static MatrixTheoryData<Backend, GuestVendor> OwnStep =>
        new(Enum.GetValues<Backend>().Where(backend => backend != Backend.KvmStep), Enum.GetValues<GuestVendor>());

    public static TheoryData<Backend, GuestVendor, string> Shadows
    {
        get
        {
            TheoryData<Backend, GuestVendor, string> rows = [];
            foreach (Backend backend in Enum.GetValues<Backend>())
            {
                foreach (GuestVendor form in Enum.GetValues<GuestVendor>())
                {
                    rows.Add(backend, form, "sti");
                    rows.Add(backend, form, "mov ss");
                }
            }

            return rows;
        }
    }

    // KVM's single step leaves TF in all frames but that of #UD, which passes through the engine's hands.
    public static TheoryData<Backend, string> Frames
    {
        get
        {
            TheoryData<Backend, string> rows = new((Backend.KvmStep, "#UD"));
            foreach (string kind in (string[])["#UD", "#PF", "#GP", "#DE", "interrupt"])
            {
                rows.Add(Backend.Kvm, kind);
            }

            return rows;
        }
    }

    [Theory, MemberData(nameof(OwnStep))]
    public void Guests_single_step_sees_one_instruction(Backend backend, GuestVendor form)
    {
        ulong log = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            Assembler c = b.Code;
            log = b.Reserve(8 * 16);
            c.mov(r15, log);
            c.mov(eax, 0x1234);
            c.push(Trap | 2);
            c.popfq();
            b.Define("site");
            b.Hypercall(form);
            b.Define("after");
            c.nop();
            c.push(2);
            b.Define("popf");
            c.popfq();
            b.Define("off");
            c.mov(__qword_ptr[log + 120], rax);
            b.Exit(0);

            // Each #DB: its RIP.
            b.Handle(DebugVector, "debug");
            b.Define("debug");
            c.push(rax);
            c.mov(rax, __qword_ptr[rsp + 8]);
            c.mov(__qword_ptr[r15], rax);
            c.add(r15, 8);
            c.pop(rax);
            c.iretq();
        });
        ulong after = machine.Image["after"];
        // After the call, the NOP, the PUSH, and the POPF that switched it off.
        Assert.Equal([after, after + 1, machine.Image["popf"], machine.Image["off"]], machine.Words(log, 6).TakeWhile(rip => rip != 0));
        Assert.Equal(GuestCode.NoSuchCall, machine.Word(log + 120));
        Assert.Equal((1, form == GuestVendor.Amd ? 1 : 0), (machine.Served, machine.Patched));
    }

    [Theory, MemberData(nameof(Shadows))]
    public void Interrupt_shadow_lasts_until_the_call_is_done(Backend backend, GuestVendor form, string shadow)
    {
        // An interrupt is pending. It must not come between STI (MOV SS) and the call, whether the call had to be repaired or not.
        ulong frame = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            Assembler c = b.Code;
            frame = b.Reserve(16);
            b.EnableLocalApic();
            SelfIpi(b);
            c.mov(ecx, LongModeSelectors.Data);
            c.mov(eax, 0x1234);
            c.sti();
            if (shadow == "mov ss")
            {
                c.mov(ss, ecx);
            }

            b.Define("site");
            b.Hypercall(form);
            b.Define("after");
            c.nop();
            c.nop();
            c.cli();
            b.Exit(0);
            LogInterrupt(b, frame);
        });
        Assert.Equal((1UL, machine.Image["after"]), (machine.Word(frame + 8), machine.Word(frame)));
        Assert.Equal((1, form == GuestVendor.Amd ? 1 : 0), (machine.Served, machine.Patched));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Interrupts_at_any_moment_lose_no_call(Backend backend)
    {
        // A fast timer, whose handler makes hypercalls itself, over sites that the guest puts back to the wrong form again and again.
        const int Rounds = 300;
        ulong right = 0, ticks = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            Assembler c = b.Code;
            right = b.Reserve(8);
            ticks = b.Reserve(8);
            Label again = c.CreateLabel(), wrong = c.CreateLabel();
            b.EnableLocalApic();
            b.StartTimer(2000);
            c.sti();
            c.mov(r12d, Rounds);
            c.Label(ref again);
            c.mov(__byte_ptr[b_site(2)], 0xD9);
            c.xor(eax, eax);
            c.cpuid();
            c.mov(eax, 0x1234);
            c.call(b.Symbol("site"));
            c.cmp(rax, -1000);
            c.jne(wrong);
            c.inc(__qword_ptr[right]);
            c.Label(ref wrong);
            c.dec(r12d);
            c.jne(again);
            // At least one interrupt must have come.
            Label wait = c.CreateLabel();
            c.Label(ref wait);
            c.pause();
            c.cmp(__qword_ptr[ticks], 0);
            c.je(wait);
            c.cli();
            b.Exit(0);

            b.At(Site);
            b.Define("site");
            b.Hypercall(GuestVendor.Amd);
            c.ret();
            b.BackToText();

            b.Handle(Vectors.Timer, "timer");
            b.Define("timer");
            c.inc(__qword_ptr[ticks]);
            c.push(rax);
            c.mov(eax, 1);
            b.Define("timer_site");
            b.Hypercall(GuestVendor.Amd);
            c.pop(rax);
            b.EndOfInterrupt();
        });
        Assert.Equal((ulong)Rounds, machine.Word(right));
        Assert.Equal(Rounds, machine.Site("site").Calls);
        Assert.Equal((long)machine.Word(ticks), machine.Site("timer_site").Calls);
        Assert.Equal(1, machine.Site("timer_site").Patches);

        static long b_site(int offset) => (long)Site + offset;
    }

    [Theory, MemberData(nameof(Backends.AllWithVendors), MemberType = typeof(Backends))]
    public void Guests_breakpoint_on_the_site_does_not_disturb_the_call(Backend backend, GuestVendor form)
    {
        // Whether the guest's own breakpoint fires depends on the back end (KVM hides the guest's while the host uses its own). The
        // call must be made once either way, and the registers must read back as the guest wrote them.
        ulong results = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            Assembler c = b.Code;
            results = b.Reserve(8 * 8);
            c.lea(rax, __[b.Symbol("site")]);
            c.mov(dr0, rax);
            c.mov(eax, 0x5000);
            c.mov(dr3, rax);
            c.mov(eax, 0x402);
            c.mov(dr7, rax);
            c.mov(eax, 0x1234);
            b.Define("site");
            b.Hypercall(form);
            b.StoreRax(results);
            c.mov(rax, dr0);
            b.StoreRax(results + 8);
            c.mov(rax, dr3);
            b.StoreRax(results + 16);
            c.mov(rax, dr7);
            b.StoreRax(results + 24);
            b.Exit(0);

            // RF in the frame lets the instruction pass.
            b.Handle(DebugVector, "debug");
            b.Define("debug");
            c.or(__dword_ptr[rsp + 16], 1 << 16);
            c.iretq();
        });
        Assert.Equal([GuestCode.NoSuchCall, machine.Image["site"], 0x5000, 0x402], machine.Words(results, 4));
        Assert.Equal((1, form == GuestVendor.Amd ? 1 : 0), (machine.Served, machine.Patched));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Guests_own_handler_may_move(Backend backend)
    {
        // #UD handlers change with LIDT and by writing the gate; each sees its own UD2, and hypercalls between are served. KVM tells of
        // neither change: it is noticed at the next exit, so there is one.
        ulong log = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            Assembler c = b.Code;
            log = b.Reserve(8 * 8);
            ulong table = b.Reserve(4096, 4096), pointer = b.Reserve(16);
            c.mov(r15, log);
            b.Handle(Vectors.InvalidOpcode, "first");
            c.mov(eax, 1);
            b.Hypercall(GuestVendor.Amd);
            c.ud2();

            // Another table with another handler.
            Label copy = c.CreateLabel();
            c.xor(ecx, ecx);
            c.Label(ref copy);
            c.mov(rax, __qword_ptr[rcx + (int)LongModeLayout.Idt]);
            c.mov(__qword_ptr[rcx + (int)table], rax);
            c.add(ecx, 8);
            c.cmp(ecx, 4096);
            c.jne(copy);
            SetGate(table, "second");
            c.mov(__word_ptr[pointer], 0xFFF);
            c.mov(rax, table);
            c.mov(__qword_ptr[pointer + 2], rax);
            c.lidt(__[pointer]);
            c.@out(0x80, al);
            c.mov(eax, 1);
            b.Hypercall(GuestVendor.Amd);
            c.ud2();

            // The same table, the gate rewritten.
            SetGate(table, "third");
            c.@out(0x80, al);
            c.mov(eax, 1);
            b.Hypercall(GuestVendor.Amd);
            c.ud2();
            c.ud2();
            b.Exit(0);

            for (int i = 1; i <= 3; i++)
            {
                b.Define(i switch { 1 => "first", 2 => "second", _ => "third" });
                c.mov(__qword_ptr[r15], i);
                c.add(r15, 8);
                c.add(__qword_ptr[rsp], 2);
                c.iretq();
            }

            void SetGate(ulong at, string handler)
            {
                c.lea(rax, __[b.Symbol(handler)]);
                c.mov(__word_ptr[at + (16 * 6)], ax);
                c.shr(rax, 16);
                c.mov(__word_ptr[at + (16 * 6) + 6], ax);
            }
        });
        Assert.Equal([1, 2, 3, 3, 0], machine.Words(log, 5));
        Assert.Equal((3, 3), (machine.Served, machine.Patched));
        Assert.Equal(4, machine.Count(InterceptionOutcome.InvalidOpcode));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Frame_of_an_injected_UD_is_the_guests_own(Backend backend)
    {
        // Neither the host's TF nor its breakpoint shows in the frame; flags, RIP, RSP are those at the instruction.
        ulong stack = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                Assembler c = b.Code;
                stack = b.Reserve(8);
                b.ExpectException("end");
                c.mov(__qword_ptr[stack], rsp);
                c.push(0x8D5 | 2);
                c.popfq();
                b.Define("site");
                b.Hypercall(GuestVendor.Amd);
                b.Define("end");
                b.Exit(0);
            },
            policy: PatchPolicy.Inject);
        ExceptionRecord exception = machine.Exception();
        Assert.Equal(
            (6u, 1u, machine.Image["site"], machine.Word(stack), (uint)LongModeSelectors.Code),
            (exception.Vector, exception.Count, exception.Rip, exception.Rsp, exception.Cs));
        // A fault's frame has RF set (Intel SDM vol. 3, 17.3.1.1).
        Assert.Equal(0x8D7u, exception.Rflags & ~0x1_0000u);
    }

    [Theory, MemberData(nameof(Frames))]
    public void Frame_shows_nothing_of_the_host(Backend backend, string kind)
    {
        // The host's single step must not show in what the guest's handlers see.
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            Assembler c = b.Code;
            b.EnableLocalApic();
            b.ExpectException("end");
            b.Hypercall(GuestVendor.Amd);
            c.xor(eax, eax);
            switch (kind)
            {
                case "#UD":
                    c.ud2();
                    break;
                case "#PF":
                    c.mov(eax, __dword_ptr[0x10]);
                    break;
                case "#GP":
                    c.mov(rax, 1UL << 62);
                    c.mov(eax, __dword_ptr[rax]);
                    break;
                case "#DE":
                    c.xor(ecx, ecx);
                    c.div(ecx);
                    break;
                default:
                    Label wait = c.CreateLabel();
                    SelfIpi(b);
                    c.sti();
                    c.Label(ref wait);
                    c.pause();
                    c.jmp(wait);
                    break;
            }

            b.Define("end");
            b.Exit(0);
        });
        ExceptionRecord exception = machine.Exception();
        uint vector = kind switch { "#UD" => 6, "#PF" => 14, "#GP" => 13, "#DE" => 0, _ => ExceptionRecord.Unexpected };
        Assert.Equal((vector, 1u, 0u), (exception.Vector, exception.Count, exception.Rflags & Trap));
    }

    private const ulong Site = LongModeLayout.Text + 0x20000;

    private static void SelfIpi(LongModeImageBuilder b) => b.WriteMsr(X2Apic.InterruptCommand, (1 << 18) | Vectors.Ipi);

    private static void LogInterrupt(LongModeImageBuilder b, ulong frame)
    {
        Assembler c = b.Code;
        b.Handle(Vectors.Ipi, "ipi");
        b.Define("ipi");
        c.push(rax);
        c.mov(rax, __qword_ptr[rsp + 8]);
        c.mov(__qword_ptr[frame], rax);
        c.inc(__qword_ptr[frame + 8]);
        c.pop(rax);
        b.EndOfInterrupt();
    }
}
