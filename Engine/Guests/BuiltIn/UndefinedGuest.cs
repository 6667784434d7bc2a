using Hyperpatch.Engine.Guests.Images;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Guests.BuiltIn;

/// <summary>Undefined instructions that must reach the guest's own handler, between hypercalls that must not.</summary>
internal sealed class UndefinedGuest : CatalogueGuest
{
    // A processor's variables, at R15.
    private const int ExpectedRip = 0;
    private const int ResumeRip = 8;
    private const int Counted = 16;
    private const int Wrong = 24;
    private const int Stride = 64;

    private int _sites;

    /// <inheritdoc/>
    public override string Name => "undefined";

    /// <inheritdoc/>
    public override string Description =>
        "Counts undefined instructions in its own #UD handler between hypercalls in both vendors' forms, and checks that none is lost.";

    /// <inheritdoc/>
    public override int DefaultProcessors => 2;

    /// <inheritdoc/>
    public override string CommandLineHelp =>
        "rounds=N: 1 to 10000000 (default 1000), then the machine ends, status 1: all exact, 3: not. "
        + "prefixed=on: also VMCALL with F2 and F3, undefined on most processors but not on all (default off).";

    /// <inheritdoc/>
    protected override Func<GuestImage> Prepare(int processors, GuestCommandLine words)
    {
        long rounds = words.Number("rounds", 1000, 1, 10_000_000);
        bool prefixed = words.Choice("prefixed", "off", "on") == "on";
        return () => new UndefinedGuest().Assemble(processors, rounds, prefixed);
    }

    private GuestImage Assemble(int processors, long rounds, bool prefixed) =>
        LongModeImage.Build(b => Emit(b, rounds, prefixed), new LongModeOptions { Processors = processors, FaultExitValue = 1 }).Image;

    private void Emit(LongModeImageBuilder b, long rounds, bool prefixed)
    {
        Assembler c = b.Code;
        ulong blocks = b.Reserve(b.Options.Processors * Stride, Stride);
        c.mov(r15, rdi);
        c.imul(r15, r15, Stride);
        c.add(r15, (int)blocks);
        c.mov(r12, rdi);
        c.mov(r13, rounds);

        Label round = c.CreateLabel();
        c.Label(ref round);
        int undefined = 0, calls = 0;
        Undefined("ud2", 0x0F, 0x0B);
        Call(GuestHypercall.VapicPollIrq, 0, intel: true);
        Undefined("ud1", 0x0F, 0xB9, 0xC0);
        Call(GuestHypercall.Unknown, GuestHypercall.NoSuchCall, intel: false);
        Undefined("ud0", 0x0F, 0xFF, 0xC0);
        Call(GuestHypercall.SchedYield, 0, intel: false);
        Undefined("lock_vmcall", 0xF0, 0x0F, 0x01, 0xC1);
        Call(GuestHypercall.Unknown + 1, GuestHypercall.NoSuchCall, intel: true);
        Undefined("lock_vmmcall", 0xF0, 0x0F, 0x01, 0xD9);
        if (prefixed)
        {
            Call(GuestHypercall.VapicPollIrq, 0, intel: false);
            Undefined("repne_vmcall", 0xF2, 0x0F, 0x01, 0xC1);
            Undefined("rep_vmcall", 0xF3, 0x0F, 0x01, 0xC1);
        }

        c.dec(r13);
        c.jne(round);
        EmitEnd(b, rounds * undefined, rounds * calls);
        EmitHandler(b);

        void Undefined(string name, params byte[] bytes)
        {
            EmitUndefined(b, name, bytes);
            undefined++;
        }

        void Call(int number, int result, bool intel)
        {
            EmitCall(b, number, result, intel);
            calls++;
        }
    }

    private static void EmitUndefined(LongModeImageBuilder b, string name, byte[] bytes)
    {
        Assembler c = b.Code;
        Label after = c.CreateLabel();
        c.lea(rax, __[b.Symbol(name)]);
        c.mov(__qword_ptr[r15 + ExpectedRip], rax);
        c.lea(rax, __[after]);
        c.mov(__qword_ptr[r15 + ResumeRip], rax);
        b.Define(name);
        c.db(bytes);
        c.Label(ref after);
        c.zero_bytes();
    }

    private void EmitCall(LongModeImageBuilder b, int number, int result, bool intel)
    {
        Assembler c = b.Code;
        Label right = c.CreateLabel();
        c.mov(eax, number);
        c.mov(ebx, r12d);
        b.Define($"{(intel ? "intel" : "amd")}_site_{++_sites}");
        if (intel)
        {
            c.vmcall();
        }
        else
        {
            c.vmmcall();
        }

        c.cmp(rax, result);
        c.je(right);
        c.inc(__qword_ptr[r15 + Wrong]);
        c.Label(ref right);
        c.zero_bytes();
    }

    private static void EmitEnd(LongModeImageBuilder b, long undefined, long calls)
    {
        Assembler c = b.Code;
        Label exact = c.CreateLabel(), last = c.CreateLabel();
        ulong finished = b.Reserve(4), bad = b.Reserve(4);
        b.Call(LongModeRuntime.Lock);
        b.Print("processor ");
        b.PrintDecimal(r12);
        b.Print(": ");
        c.mov(rax, __qword_ptr[r15 + Counted]);
        b.PrintDecimal(rax);
        c.mov(rcx, undefined);
        b.Print(" of ");
        b.PrintDecimal(rcx);
        b.Print(" undefined instructions counted, ");
        c.mov(rdx, calls);
        c.mov(rbx, rdx);
        c.sub(rbx, __qword_ptr[r15 + Wrong]);
        b.PrintDecimal(rbx);
        b.Print(" of ");
        b.PrintDecimal(rdx);
        b.Print(" hypercalls right\n");
        b.Call(LongModeRuntime.Unlock);
        c.sub(rax, rcx);
        c.or(rax, __qword_ptr[r15 + Wrong]);
        c.je(exact);
        c.@lock.inc(__dword_ptr[bad]);
        c.Label(ref exact);
        c.mov(eax, 1);
        c.@lock.xadd(__dword_ptr[finished], eax);
        c.cmp(eax, b.Options.Processors - 1);
        c.je(last);
        b.Halt();

        c.Label(ref last);
        c.xor(eax, eax);
        c.cmp(__dword_ptr[bad], 0);
        c.setne(al);
        c.@out(0xF4, al);
        b.Halt();
    }

    private static void EmitHandler(LongModeImageBuilder b)
    {
        Assembler c = b.Code;
        Label stray = c.CreateLabel();
        b.Handle(Vectors.InvalidOpcode, "count_undefined");
        b.Define("count_undefined");
        c.push(rax);
        c.mov(rax, __qword_ptr[rsp + 8]);
        c.cmp(rax, __qword_ptr[r15 + ExpectedRip]);
        c.jne(stray);
        c.inc(__qword_ptr[r15 + Counted]);
        c.mov(rax, __qword_ptr[r15 + ResumeRip]);
        c.mov(__qword_ptr[rsp + 8], rax);
        c.pop(rax);
        c.iretq();

        // Not one of ours: a hypercall that the host refused, say.
        c.Label(ref stray);
        c.pop(rax);
        b.Code.jmp(b.Symbol(LongModeRuntime.DefaultHandler(Vectors.InvalidOpcode)));
    }
}
