using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Hypercalls;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>
/// A guest whose course depends on the moment of everything: locks, unlocked variables, interrupts of timers and of other processors, HLT,
/// hypercalls to be patched, clocks. What happens goes into its memory.
/// </summary>
internal sealed class ContentionGuest
{
    private const int AreaSize = 64;
    private const int HashOffset = 0;
    private const int TimersOffset = 8;
    private const int IpisOffset = 16;
    private const int StepOffset = 24;
    private const uint DeadlineMode = 0x4_0000;
    private const uint DeadlineMsr = 0x6E0;
    private const uint Rounds = 60;

    /// <summary>Address of the number of increments under the lock.</summary>
    public ulong Locked { get; private set; }

    /// <summary>Address of the first processor's area: hash, timer interrupts, interrupts by others.</summary>
    public ulong Areas { get; private set; }

    /// <summary>Increments under the lock that each processor makes.</summary>
    public static ulong IncrementsEach => Rounds;

    /// <summary>Timer interrupts of a processor.</summary>
    public ulong Timers(TestMachine machine, int processor) => machine.Word(Areas + (ulong)(processor * AreaSize) + TimersOffset);

    /// <summary>Interrupts of a processor by others.</summary>
    public ulong Ipis(TestMachine machine, int processor) => machine.Word(Areas + (ulong)(processor * AreaSize) + IpisOffset);

    /// <summary>Emits it.</summary>
    public void Emit(LongModeImageBuilder b)
    {
        Assembler c = b.Code;
        Locked = b.Reserve(8, 64);
        Areas = b.Reserve(AreaSize * b.Options.Processors, 64);
        ulong spinLock = b.Reserve(8, 64), racy = b.Reserve(8, 64), done = b.Reserve(8, 64), pairing = b.Reserve(64, 64);
        Label periodic = c.CreateLabel(), ready = c.CreateLabel(), round = c.CreateLabel(), spin = c.CreateLabel(), taken = c.CreateLabel();
        Label noHalt = c.CreateLabel(), last = c.CreateLabel();

        // R15: own area. RBP: own index. R12: rounds left.
        c.mov(rbp, rdi);
        c.imul(r15, rdi, AreaSize);
        c.add(r15, (int)Areas);
        b.EnableLocalApic();
        b.WriteMsr(X2Apic.TimerDivide, X2Apic.DivideBy1);
        c.test(ebp, 1);
        c.je(periodic);
        b.WriteMsr(X2Apic.TimerVector, DeadlineMode | Vectors.Timer);
        b.Call("arm");
        c.jmp(ready);
        c.Label(ref periodic);
        b.WriteMsr(X2Apic.TimerVector, X2Apic.Periodic | Vectors.Timer);
        b.WriteMsr(X2Apic.TimerInitialCount, 7001);
        c.Label(ref ready);
        c.sti();
        c.mov(r12d, Rounds);

        c.Label(ref round);
        c.cld();
        c.Label(ref spin);
        c.mov(eax, 1);
        c.xchg(__dword_ptr[spinLock], eax);
        c.test(eax, eax);
        c.je(taken);
        c.pause();
        c.jmp(spin);
        c.Label(ref taken);
        c.inc(__qword_ptr[Locked]);
        c.mov(ecx, 300);
        Label hold = c.CreateLabel();
        c.Label(ref hold);
        c.mov(rax, __qword_ptr[racy]);
        c.imul(rax, rax, 3);
        c.add(rax, rcx);
        c.add(rax, rbp);
        c.mov(__qword_ptr[racy], rax);
        c.dec(ecx);
        c.jne(hold);
        c.mov(__dword_ptr[spinLock], 0);
        // The same variable without the lock.
        c.mov(rax, __qword_ptr[racy]);
        b.Call("mix");
        c.add(__qword_ptr[racy], 5);
        c.rdtsc();
        b.Call("mix");

        // Wrong form on one vendor, right on the other; then, in turn, one of the calls that concern other processors.
        b.Define("site");
        c.mov(eax, 0x1234);
        b.Hypercall(GuestVendor.Amd);
        c.mov(ecx, r12d);
        c.and(ecx, 3);
        Label kick = c.CreateLabel(), yield = c.CreateLabel(), clock = c.CreateLabel(), called = c.CreateLabel();
        c.je(kick);
        c.cmp(ecx, 2);
        c.jb(yield);
        c.je(clock);
        c.mov(eax, (uint)HypercallNumber.SendIpi);
        c.mov(ebx, (1u << b.Options.Processors) - 1);
        c.xor(ecx, ecx);
        c.xor(edx, edx);
        c.mov(esi, Vectors.Ipi);
        c.jmp(called);
        c.Label(ref kick);
        c.mov(eax, (uint)HypercallNumber.KickCpu);
        c.xor(ebx, ebx);
        c.lea(ecx, __[rbp + 1]);
        c.cmp(ecx, b.Options.Processors);
        Label inRange = c.CreateLabel();
        c.jb(inRange);
        c.xor(ecx, ecx);
        c.Label(ref inRange);
        c.jmp(called);
        c.Label(ref yield);
        c.mov(eax, (uint)HypercallNumber.SchedYield);
        c.xor(ebx, ebx);
        c.jmp(called);
        c.Label(ref clock);
        c.mov(eax, (uint)HypercallNumber.ClockPairing);
        c.mov(rbx, pairing);
        c.xor(ecx, ecx);
        c.Label(ref called);
        b.Define("other_site");
        b.Hypercall(GuestVendor.Intel);
        b.Call("mix");
        c.mov(rax, __qword_ptr[pairing + 8]);
        b.Call("mix");
        c.mov(eax, ebp);
        c.@out(0x80, al);

        // To all others by the APIC itself, every eighth round; then HLT, from which a timer wakes at the latest.
        c.test(r12d, 7);
        c.jne(noHalt);
        b.WriteMsr(X2Apic.InterruptCommand, X2Apic.AllButSelf | Vectors.Ipi);
        c.hlt();
        c.Label(ref noHalt);
        c.dec(r12d);
        c.jne(round);

        c.@lock.inc(__qword_ptr[done]);
        c.test(ebp, ebp);
        c.je(last);
        b.Halt();
        c.Label(ref last);
        c.pause();
        c.cmp(__qword_ptr[done], b.Options.Processors);
        c.jne(last);
        b.Exit(0);

        // RAX into the own hash.
        b.Define("mix");
        c.push(rcx);
        c.mov(rcx, __qword_ptr[r15 + HashOffset]);
        c.imul(rcx, rcx, 31);
        c.add(rcx, rax);
        c.mov(__qword_ptr[r15 + HashOffset], rcx);
        c.pop(rcx);
        c.ret();

        // The next deadline, each time another distance away.
        b.Define("arm");
        c.rdtsc();
        c.shl(rdx, 32);
        c.or(rax, rdx);
        c.mov(rcx, __qword_ptr[r15 + StepOffset]);
        c.add(rcx, 617);
        c.and(rcx, 0x1FFF);
        c.mov(__qword_ptr[r15 + StepOffset], rcx);
        c.lea(rax, __[rax + rcx + 1500]);
        c.mov(rdx, rax);
        c.shr(rdx, 32);
        c.mov(ecx, DeadlineMsr);
        c.wrmsr();
        c.ret();

        b.Handle(Vectors.Timer, "timer");
        b.Define("timer");
        Save(c);
        c.inc(__qword_ptr[r15 + TimersOffset]);
        // Where it came, and when.
        c.mov(rax, __qword_ptr[rsp + 24]);
        b.Call("mix");
        c.rdtsc();
        b.Call("mix");
        c.test(ebp, 1);
        Label isArmed = c.CreateLabel();
        c.je(isArmed);
        b.Call("arm");
        c.Label(ref isArmed);
        Restore(c);
        b.EndOfInterrupt();

        b.Handle(Vectors.Ipi, "ipi");
        b.Define("ipi");
        Save(c);
        c.inc(__qword_ptr[r15 + IpisOffset]);
        c.mov(rax, __qword_ptr[rsp + 24]);
        b.Call("mix");
        Restore(c);
        b.EndOfInterrupt();
    }

    private static void Save(Assembler c)
    {
        c.push(rax);
        c.push(rcx);
        c.push(rdx);
    }

    private static void Restore(Assembler c)
    {
        c.pop(rdx);
        c.pop(rcx);
        c.pop(rax);
    }
}
