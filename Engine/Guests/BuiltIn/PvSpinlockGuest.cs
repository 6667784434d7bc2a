using Hyperpatch.Engine.Guests.Images;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Guests.BuiltIn;

/// <summary>
/// The paravirtual ticket lock of a guest whose kick is a hypercall in read-only text: it runs well for as long as
/// nobody waits, and after a change of vendor the first contended unlock is a page fault, if patching obeys the guest's page tables.
/// </summary>
internal sealed class PvSpinlockGuest : CatalogueGuest
{
    private const int PerSecond = 20;
    private const int SpinsBeforeHalt = 100;

    // The holder waits for a waiter, but not for ever; then a moment more, so that the waiter is in HLT.
    private const int SpinsForWaiter = 300_000;
    private const int SpinsForHalt = 300;

    // A processor's variables, at R15.
    private const int Ticks = 0;
    private const int Asked = 4;
    private const int Done = 8;
    private const int Waiting = 12;
    private const int Ticket = 16;
    private const int Operations = 24;
    private const int Stride = 64;

    /// <inheritdoc/>
    public override string Name => "pv-spinlock";

    /// <inheritdoc/>
    public override string Description =>
        "A contended ticket lock whose waiters sleep in HLT and whose unlock kicks them by a hypercall in read-only text; panics on a page fault there.";

    /// <inheritdoc/>
    public override int MinimumProcessors => 2;

    /// <inheritdoc/>
    public override int DefaultProcessors => 2;

    /// <inheritdoc/>
    public override string CommandLineHelp =>
        "quiet=SECONDS: 0 to 3600 without contention (default 5). form=amd|intel: the kick's instruction (default amd). "
        + "rounds=N: contended rounds, 20 a second, 0 (default) for ever, to 1000000; then the machine ends with status 1.";

    /// <inheritdoc/>
    protected override Func<GuestImage> Prepare(int processors, GuestCommandLine words)
    {
        long quiet = words.Number("quiet", 5, 0, 3600);
        bool intel = words.Choice("form", "amd", "intel") == "intel";
        long rounds = words.Number("rounds", 0, 0, 1_000_000);
        return () => LongModeImage.Build(
            b => new Program(b).Emit((int)quiet, intel, (int)rounds),
            new LongModeOptions { Processors = processors, Text = PageFlags.ReadOnlyCode, FaultExitValue = 3 }).Image;
    }

    private sealed class Program
    {
        private readonly LongModeImageBuilder _b;
        private readonly Assembler _c;
        private readonly ulong _blocks;
        private readonly ulong _head;
        private readonly ulong _tail;
        private readonly ulong _waiters;
        private readonly ulong _ready;
        private readonly ulong _kicks;
        private readonly ulong _guarded;

        public Program(LongModeImageBuilder b)
        {
            _b = b;
            _c = b.Code;
            _blocks = b.Reserve(b.Options.Processors * Stride, Stride);
            _head = b.Reserve(4, 64);
            _tail = b.Reserve(4, 64);
            _waiters = b.Reserve(4, 64);
            _ready = b.Reserve(4, 64);
            _kicks = b.Reserve(8);
            _guarded = b.Reserve(8);
        }

        public void Emit(int quiet, bool intel, int rounds)
        {
            _c.sub(rsp, 8);
            _c.mov(r15, rdi);
            _c.shl(r15, 6);
            _c.add(r15, (int)_blocks);
            _b.EnableLocalApic();
            _c.test(edi, edi);
            _c.jne(_b.Symbol("other_processor"));
            EmitFirstProcessor(quiet, rounds);
            EmitOtherProcessor();
            EmitLock();
            EmitKick(intel);
            EmitInterrupts();
            EmitPageFault();
        }

        /// <summary>Sets the pace: one round for each tick of its timer.</summary>
        private void EmitFirstProcessor(int quiet, int rounds)
        {
            Label wait = _c.CreateLabel(), next = _c.CreateLabel(), inRange = _c.CreateLabel();
            _b.Define("first_processor");
            _c.Label(ref wait);
            _c.pause();
            _c.cmp(__dword_ptr[_ready], _b.Options.Processors - 1);
            _c.jne(wait);
            _b.StartTimer(PerSecond);

            // Quiet time: the lock is free again before the next processor, in turn, is asked to take it.
            if (quiet > 0)
            {
                _b.Print("pv-spinlock: no contention yet\n");
                _c.mov(r12d, quiet * PerSecond);
                _c.mov(r13d, 1);
                _c.Label(ref next);
                _b.Call("wait_for_tick");
                EmitOperation(() => { });
                _c.mov(ecx, X2Apic.InterruptCommand);
                _c.mov(eax, Vectors.Ipi);
                _c.mov(edx, r13d);
                _c.wrmsr();
                _c.inc(r13d);
                _c.cmp(r13d, _b.Options.Processors);
                _c.jb(inRange);
                _c.mov(r13d, 1);
                _c.Label(ref inRange);
                _c.dec(r12d);
                _c.jne(next);
            }

            _b.Print("pv-spinlock: contention starts\n");
            EmitContendedRounds(rounds);
        }

        private void EmitContendedRounds(int rounds)
        {
            Label next = _c.CreateLabel(), waiter = _c.CreateLabel(), halted = _c.CreateLabel(), there = _c.CreateLabel();
            _c.mov(r12d, rounds == 0 ? 10 * PerSecond : rounds);
            _c.Label(ref next);
            _b.Call("wait_for_tick");
            EmitOperation(() =>
            {
                // Everybody is asked for the lock while it is held.
                _b.WriteMsr(X2Apic.InterruptCommand, X2Apic.AllButSelf | Vectors.Ipi);
                _c.mov(ecx, SpinsForWaiter);
                _c.Label(ref waiter);
                _c.pause();
                _c.cmp(__dword_ptr[_waiters], 0);
                _c.jne(there);
                _c.dec(ecx);
                _c.jne(waiter);
                _c.Label(ref there);
                _c.mov(ecx, SpinsForHalt);
                _c.Label(ref halted);
                _c.pause();
                _c.dec(ecx);
                _c.jne(halted);
            });
            _c.dec(r12d);
            _c.jne(next);

            _c.cli();
            _b.Call("ticket_lock");
            EmitReport();
            if (rounds == 0)
            {
                _b.Call("ticket_unlock");
                _c.sti();
                _c.mov(r12d, 10 * PerSecond);
                _c.jmp(next);
            }
            else
            {
                _b.Exit(0);
            }
        }

        /// <summary>Holding the lock: the guarded counter must be the sum of what each processor counted, or the lock does not lock.</summary>
        private void EmitReport()
        {
            Label sum = _c.CreateLabel(), right = _c.CreateLabel();
            _c.xor(eax, eax);
            _c.mov(rcx, _blocks);
            _c.Label(ref sum);
            _c.add(rax, __qword_ptr[rcx + Operations]);
            _c.add(rcx, Stride);
            _c.cmp(rcx, (int)_blocks + (_b.Options.Processors * Stride));
            _c.jne(sum);
            _c.mov(rdx, __qword_ptr[_guarded]);
            _b.Call(LongModeRuntime.Lock);
            _b.Print("pv-spinlock: ");
            _b.PrintDecimal(rdx);
            _b.Print(" lock operations, ");
            _c.mov(rbx, __qword_ptr[_kicks]);
            _b.PrintDecimal(rbx);
            _b.Print(" kicks\n");
            _b.Call(LongModeRuntime.Unlock);
            _c.cmp(rax, rdx);
            _c.je(right);
            _b.Print("pv-spinlock: two processors held the lock at once\n");
            _b.Exit(1);
            _c.Label(ref right);
            _c.zero_bytes();
        }

        /// <summary>Takes the lock once for each time that it was asked to.</summary>
        private void EmitOtherProcessor()
        {
            Label loop = _c.CreateLabel(), work = _c.CreateLabel(), hold = _c.CreateLabel();
            _b.Define("other_processor");
            _c.@lock.inc(__dword_ptr[_ready]);
            _c.Label(ref loop);
            _c.cli();
            _c.mov(eax, __dword_ptr[r15 + Asked]);
            _c.cmp(eax, __dword_ptr[r15 + Done]);
            _c.jne(work);
            _c.sti();
            _c.hlt();
            _c.jmp(loop);
            _c.Label(ref work);
            _c.mov(__dword_ptr[r15 + Done], eax);
            EmitOperation(() =>
            {
                _c.mov(ecx, 50);
                _c.Label(ref hold);
                _c.pause();
                _c.dec(ecx);
                _c.jne(hold);
            });
            _c.jmp(loop);
        }

        /// <summary>One lock operation, interrupts off, with something done while the lock is held.</summary>
        private void EmitOperation(Action whileHeld)
        {
            _c.cli();
            _b.Call("ticket_lock");
            _c.inc(__qword_ptr[_guarded]);
            _c.inc(__qword_ptr[r15 + Operations]);
            whileHeld();
            _b.Call("ticket_unlock");
            _c.sti();
        }

        private void EmitLock()
        {
            Label spin = _c.CreateLabel(), check = _c.CreateLabel(), mine = _c.CreateLabel(), taken = _c.CreateLabel();

            // Leaves the ticket in R8.
            _b.Define("ticket_lock");
            _c.mov(r8d, 1);
            _c.@lock.xadd(__dword_ptr[_tail], r8d);
            _c.mov(ecx, SpinsBeforeHalt);
            _c.Label(ref spin);
            _c.cmp(__dword_ptr[_head], r8d);
            _c.je(taken);
            _c.pause();
            _c.dec(ecx);
            _c.jne(spin);

            // The ticket is written before the flag, the flag (a full barrier) before the lock is looked at once more.
            _c.mov(__dword_ptr[r15 + Ticket], r8d);
            _c.mov(eax, 1);
            _c.xchg(__dword_ptr[r15 + Waiting], eax);
            _c.@lock.inc(__dword_ptr[_waiters]);
            _c.Label(ref check);
            _c.cmp(__dword_ptr[_head], r8d);
            _c.je(mine);
            _c.hlt();
            _c.jmp(check);
            _c.Label(ref mine);
            _c.mov(__dword_ptr[r15 + Waiting], 0);
            _c.@lock.dec(__dword_ptr[_waiters]);
            _c.Label(ref taken);
            _c.ret();

            Label find = _c.CreateLabel(), other = _c.CreateLabel();
            _b.Define("ticket_unlock");
            _c.inc(r8d);
            _c.@lock.inc(__dword_ptr[_head]);
            _c.xor(ecx, ecx);
            _c.mov(rdx, _blocks);
            _c.Label(ref find);
            _c.cmp(__dword_ptr[rdx + Waiting], 0);
            _c.je(other);
            _c.cmp(__dword_ptr[rdx + Ticket], r8d);
            _c.jne(other);

            // A tail call: in the kick, RSP is a multiple of 16, as everywhere where a hypercall is.
            _c.jmp(_b.Symbol("kvm_kick_cpu"));
            _c.Label(ref other);
            _c.add(rdx, Stride);
            _c.inc(ecx);
            _c.cmp(ecx, _b.Options.Processors);
            _c.jne(find);
            _c.ret();
        }

        /// <summary>ECX: APIC id.</summary>
        private void EmitKick(bool intel)
        {
            _b.Define("kvm_kick_cpu");
            _c.@lock.inc(__qword_ptr[_kicks]);
            _c.mov(eax, GuestHypercall.KickCpu);
            _c.xor(ebx, ebx);
            if (intel)
            {
                _c.vmcall();
            }
            else
            {
                _c.vmmcall();
            }

            _c.ret();
        }

        private void EmitInterrupts()
        {
            Label wait = _c.CreateLabel(), ticked = _c.CreateLabel();
            _b.Define("wait_for_tick");
            _c.Label(ref wait);
            _c.cli();
            _c.mov(eax, __dword_ptr[r15 + Ticks]);
            _c.cmp(eax, __dword_ptr[r15 + Done]);
            _c.jne(ticked);
            _c.sti();
            _c.hlt();
            _c.jmp(wait);
            _c.Label(ref ticked);
            _c.mov(__dword_ptr[r15 + Done], eax);
            _c.sti();
            _c.ret();

            _b.Handle(Vectors.Timer, "timer_interrupt");
            _b.Define("timer_interrupt");
            _c.inc(__dword_ptr[r15 + Ticks]);
            _b.EndOfInterrupt();

            _b.Handle(Vectors.Ipi, "asked_interrupt");
            _b.Define("asked_interrupt");
            _c.inc(__dword_ptr[r15 + Asked]);
            _b.EndOfInterrupt();
        }

        /// <summary>The words that a Linux guest's console shows in this case.</summary>
        private void EmitPageFault()
        {
            _b.Handle(Vectors.PageFault, "page_fault");
            _b.Define("page_fault");
            _b.Call(LongModeRuntime.Lock);
            _b.Print("BUG: unable to handle page fault for address ");
            _c.mov(rax, cr2);
            _b.PrintHex(rax);
            _c.mov(rax, __qword_ptr[rsp + 8]);
            _b.Call(LongModeRuntime.PrintSymbol);
            _b.Print(" (error ");
            _c.mov(rax, __qword_ptr[rsp]);
            _b.PrintHex(rax);
            _b.Print(")\nKernel panic - not syncing: Fatal exception\n");
            _b.Exit(2);
        }
    }
}
