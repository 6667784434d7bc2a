using System.Globalization;
using Hyperpatch.Engine.Guests.Images;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Guests.BuiltIn;

/// <summary>A bit of everything at a gentle rate: what the dashboard shows first.</summary>
internal sealed class MixedGuest : CatalogueGuest
{
    /// <inheritdoc/>
    public override string Name => "mixed";

    /// <inheritdoc/>
    public override string Description =>
        "Several processors, eight hypercall sites in both vendors' forms, often and rarely executed, timers, kicks, IPIs, port I/O, CPUID; runs for ever.";

    /// <inheritdoc/>
    public override int DefaultProcessors => 4;

    /// <inheritdoc/>
    public override string CommandLineHelp => "rate=N: loops a second on each processor, 1 to 1000 (default 20).";

    /// <inheritdoc/>
    protected override Func<GuestImage> Prepare(int processors, GuestCommandLine words)
    {
        int rate = (int)words.Number("rate", 20, 1, 1000);
        return () => LongModeImage.Build(b => new Program(b, rate).Emit(), new LongModeOptions { Processors = processors }).Image;
    }

    private sealed class Program(LongModeImageBuilder b, int rate)
    {
        // A processor's variables, at R15. Even processors run at their timer's ticks, odd ones at their neighbour's letters.
        private const int Ticks = 0;
        private const int Letters = 4;
        private const int Seen = 8;
        private const int Interrupts = 12;
        private const int Loops = 16;
        private const int FirstCountdown = 24;
        private const int Stride = 128;

        private readonly Assembler _c = b.Code;
        private readonly int _processors = b.Options.Processors;
        private readonly ulong _blocks = b.Reserve(b.Options.Processors * Stride, Stride);
        private readonly ulong _vendor = b.Reserve(16);
        private readonly ulong _refused = b.Reserve(8);
        private readonly ulong _clock = b.Reserve(64, 64);
        private readonly List<int> _countdowns = [];

        public void Emit()
        {
            // R14: own index, R13: next processor's. RSP so that sites find it aligned.
            Label notLast = _c.CreateLabel();
            _c.sub(rsp, 8);
            _c.mov(r14, rdi);
            _c.lea(r13, __[rdi + 1]);
            _c.cmp(r13d, _processors);
            _c.jb(notLast);
            _c.xor(r13d, r13d);
            _c.Label(ref notLast);
            _c.mov(r15, rdi);
            _c.shl(r15, 7);
            _c.add(r15, (int)_blocks);
            _c.jmp(b.Symbol("start"));

            b.Define("main_loop");
            EmitWait();
            _c.inc(__qword_ptr[r15 + Loops]);
            _c.mov(rax, __qword_ptr[r15 + Loops]);
            _c.@out(0x80, al);
            EmitVendor();
            b.Call("poll_irq");
            b.Call("yield_to_next");
            EmitKick();
            Every(4, () => b.Call("send_ipi"));
            Every(8, () =>
            {
                // The real-time clock's seconds.
                _c.xor(eax, eax);
                _c.@out(0x70, al);
                _c.@in(al, 0x71);
            });
            On(0, () =>
            {
                Every(rate, () => b.Call("pair_clock"));
                Every(2 * rate, EmitStatus);
                Every(5 * rate, () => b.Call("rare_poll"));
            });
            On(Math.Min(1, _processors - 1), () => Every(2 * rate, () => b.Call("ask_unknown")));
            On(_processors - 1, () => Every(7 * rate, () => b.Call("rare_yield")));
            _c.jmp(b.Symbol("main_loop"));

            EmitStart();
            EmitSites();
            EmitInterrupts();
        }

        private void EmitStart()
        {
            Label odd = _c.CreateLabel();
            b.Define("start");
            for (int i = 0; i < _countdowns.Count; i++)
            {
                _c.mov(__dword_ptr[r15 + FirstCountdown + (i * 4)], _countdowns[i]);
            }

            b.EnableLocalApic();
            _c.test(r14d, 1);
            _c.jne(odd);
            b.StartTimer(rate);
            _c.Label(ref odd);
            _c.jmp(b.Symbol("main_loop"));
        }

        /// <summary>Sleeps in HLT until this processor's count moved on; STI keeps interrupts out until HLT sleeps.</summary>
        private void EmitWait()
        {
            Label even = _c.CreateLabel(), wait = _c.CreateLabel(), compare = _c.CreateLabel(), go = _c.CreateLabel();
            _c.Label(ref wait);
            _c.cli();
            _c.mov(eax, __dword_ptr[r15 + Ticks]);
            _c.test(r14d, 1);
            _c.je(even);
            _c.mov(eax, __dword_ptr[r15 + Letters]);
            _c.Label(ref even);
            _c.cmp(eax, __dword_ptr[r15 + Seen]);
            _c.jne(go);
            _c.sti();
            _c.hlt();
            _c.jmp(wait);
            _c.Label(ref go);
            _c.mov(__dword_ptr[r15 + Seen], eax);
            _c.sti();
        }

        /// <summary>Every processor asks for the vendor; the first one says when it changed.</summary>
        private void EmitVendor()
        {
            Label changed = _c.CreateLabel(), same = _c.CreateLabel();
            _c.xor(eax, eax);
            _c.cpuid();
            On(0, () =>
            {
                _c.cmp(__dword_ptr[_vendor], ebx);
                _c.jne(changed);
                _c.cmp(__dword_ptr[_vendor + 4], edx);
                _c.jne(changed);
                _c.cmp(__dword_ptr[_vendor + 8], ecx);
                _c.je(same);
                _c.Label(ref changed);
                _c.mov(__dword_ptr[_vendor], ebx);
                _c.mov(__dword_ptr[_vendor + 4], edx);
                _c.mov(__dword_ptr[_vendor + 8], ecx);
                b.Print("vendor is now ");
                PrintVendor();
                b.Print("\n");
                _c.Label(ref same);
                _c.zero_bytes();
            });
        }

        private void PrintVendor()
        {
            _c.mov(rsi, _vendor);
            b.Call(LongModeRuntime.Print);
        }

        private void EmitKick()
        {
            Label none = _c.CreateLabel();
            _c.test(r14d, 1);
            _c.jne(none);
            _c.lea(eax, __[r14d + 1]);
            _c.cmp(eax, _processors);
            _c.jae(none);
            _c.@lock.inc(__dword_ptr[r15 + Stride + Letters]);
            b.Call("kick_neighbour");
            _c.Label(ref none);
            _c.zero_bytes();
        }

        private void EmitStatus()
        {
            Label next = _c.CreateLabel();
            _c.xor(eax, eax);
            _c.xor(ebx, ebx);
            _c.mov(rcx, _blocks);
            _c.Label(ref next);
            _c.add(rax, __qword_ptr[rcx + Loops]);
            _c.mov(edx, __dword_ptr[rcx + Interrupts]);
            _c.add(rbx, rdx);
            _c.add(rcx, Stride);
            _c.cmp(rcx, (int)_blocks + (_processors * Stride));
            _c.jne(next);
            PrintVendor();
            b.Print(": ");
            b.PrintDecimal(rax);
            b.Print(" loops, ");
            b.PrintDecimal(rbx);
            b.Print(" IPIs, ");
            _c.mov(rax, __qword_ptr[_refused]);
            b.PrintDecimal(rax);
            b.Print(" wrong results\n");
        }

        private void EmitSites()
        {
            Site("poll_irq", () => _c.mov(eax, GuestHypercall.VapicPollIrq), _c.vmcall, 0);
            Site("yield_to_next", SetYield, _c.vmmcall, 0);
            Site(
                "kick_neighbour",
                () =>
                {
                    _c.mov(eax, GuestHypercall.KickCpu);
                    _c.xor(ebx, ebx);
                    _c.lea(ecx, __[r14d + 1]);
                },
                _c.vmmcall,
                0);
            Site(
                "send_ipi",
                () =>
                {
                    _c.mov(eax, GuestHypercall.SendIpi);
                    _c.mov(ebx, 1);
                    _c.xor(ecx, ecx);
                    _c.mov(edx, r13d);
                    _c.mov(esi, Vectors.Ipi);
                },
                () => _c.db(0x48, 0x0F, 0x01, 0xC1), // REX.W
                1);
            Site(
                "pair_clock",
                () =>
                {
                    _c.mov(eax, GuestHypercall.ClockPairing);
                    _c.mov(rbx, _clock);
                    _c.xor(ecx, ecx);
                },
                () => _c.db(0x2E, 0x0F, 0x01, 0xD9), // CS: ignored in 64-bit mode; 66 is not by every processor
                null);
            Site("ask_unknown", () => _c.mov(eax, GuestHypercall.Unknown), _c.vmcall, GuestHypercall.NoSuchCall);
            Site("rare_poll", () => _c.mov(eax, GuestHypercall.VapicPollIrq), _c.vmmcall, 0);
            Site("rare_yield", SetYield, _c.vmcall, 0);

            void SetYield()
            {
                _c.mov(eax, GuestHypercall.SchedYield);
                _c.mov(ebx, r13d);
            }
        }

        /// <summary>A subroutine with one hypercall. A result of null may be anything: hosts differ.</summary>
        private void Site(string name, Action arguments, Action instruction, int? result)
        {
            _c.nop(16 - 1);
            b.Define(name);
            arguments();
            instruction();
            if (result is { } right)
            {
                Label ok = _c.CreateLabel();
                _c.cmp(rax, right);
                _c.je(ok);
                _c.@lock.inc(__qword_ptr[_refused]);
                _c.Label(ref ok);
            }

            _c.ret();
        }

        private void EmitInterrupts()
        {
            b.Handle(Vectors.Timer, "timer_interrupt");
            b.Define("timer_interrupt");
            _c.inc(__dword_ptr[r15 + Ticks]);
            b.EndOfInterrupt();

            b.Handle(Vectors.Ipi, "ipi_interrupt");
            b.Define("ipi_interrupt");
            _c.inc(__dword_ptr[r15 + Interrupts]);
            b.EndOfInterrupt();
        }

        /// <summary>Something that only one processor does.</summary>
        private void On(int processor, Action emit)
        {
            Label skip = _c.CreateLabel();
            _c.cmp(r14d, processor);
            _c.jne(skip);
            emit();
            _c.Label(ref skip);
            _c.zero_bytes();
        }

        /// <summary>Something that is done in every so many loops.</summary>
        private void Every(int loops, Action emit)
        {
            int countdown = FirstCountdown + (_countdowns.Count * 4);
            if (countdown + 4 > Stride)
            {
                throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"More than {_countdowns.Count} countdowns."));
            }

            _countdowns.Add(loops);
            Label skip = _c.CreateLabel();
            _c.dec(__dword_ptr[r15 + countdown]);
            _c.jne(skip);
            _c.mov(__dword_ptr[r15 + countdown], loops);
            emit();
            _c.Label(ref skip);
            _c.zero_bytes();
        }
    }
}
