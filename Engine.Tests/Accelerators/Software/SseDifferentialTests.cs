using System.Globalization;
using System.Text;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Random SSE and SSE2 instructions, in software and on the processor behind KVM: XMM registers, MXCSR, flags and memory.</summary>
public sealed class SseDifferentialTests
{
    // In: MXCSR, RAX, RCX, one unused, XMM0 to XMM3, and 4 words of memory. Out: flags, RAX, RCX, MXCSR, XMM0 to XMM3.
    private const int Count = 500, InputWords = 16, OutputWords = 12, MemoryAt = 12;
    private static readonly AssemblerRegisterXMM[] s_xmm = [xmm0, xmm1, xmm2, xmm3];

    private static readonly Lazy<bool> s_runsIn32Bits = new(() => DifferentialGuest.CanRun(Backend.Kvm, 32, c =>
    {
        c.addpd(xmm0, xmm1);
        c.pshufd(xmm0, xmm1, 1);
        c.cvtsd2si(eax, xmm1);
    }));

    [Theory]
    [InlineData(64, 1, 30)]
    [InlineData(32, 2, 15)]
    public void Sse_instructions_are_the_same_as_on_hardware(int bits, int seed, int rounds)
    {
        // Opened first: where there is no KVM at all, that is the reason.
        _ = Backend.Kvm.Open();
        Assert.SkipUnless(bits == 64 || s_runsIn32Bits.Value, "This host's KVM emulates 32-bit code, and its emulator does not know SSE2.");
        Compare(seed, rounds, (instructions, input) => Run(Backend.Software, bits, instructions, input), (instructions, input) => Run(Backend.Kvm, bits, instructions, input), bits);
    }

    /// <summary>What 64-bit code is compared with hardware for, 32-bit code does the same.</summary>
    [Theory]
    [InlineData(3, 15)]
    public void Sse_instructions_are_the_same_in_32_bit_code(int seed, int rounds) => Compare(
        seed,
        rounds,
        (instructions, input) => Run(Backend.Software, 32, instructions, input),
        (instructions, input) => Run(Backend.Software, 64, [.. instructions.Select(RandomSseInstructions.Widen)], input),
        32);

    private static void Compare(
        int seed, int rounds, Func<Instruction[], ulong[], (ulong[] Output, ulong[] Memory)> first, Func<Instruction[], ulong[], (ulong[] Output, ulong[] Memory)> second, int bits)
    {
        StringBuilder differences = new();
        (int firstSeed, rounds) = DifferentialBudget.Of(seed, rounds);
        Dictionary<Code, int> found = [];
        for (int round = 0; round < rounds; round++)
        {
            int roundSeed = firstSeed + round;
            Random random = new(roundSeed);
            RandomSseInstructions source = new(random, bits);
            Instruction[] instructions = [.. Enumerable.Range(0, Count).Select(_ => source.Next())];
            ulong[] input = new ulong[Count * InputWords];
            for (int i = 0; i < Count; i++)
            {
                Fill(random, input.AsSpan(i * InputWords, InputWords));
            }

            (ulong[] soft, ulong[] softMemory) = first(instructions, input);
            (ulong[] hard, ulong[] hardMemory) = second(instructions, input);
            for (int i = 0; i < Count; i++)
            {
                Code code = instructions[i].Code;
                string difference = Compare(i, bits, soft, hard, softMemory, hardMemory);
                if (difference.Length != 0)
                {
                    found[code] = found.GetValueOrDefault(code) + 1;
                    if (found[code] <= 2)
                    {
                        string state = string.Join(' ', input[(i * InputWords)..((i + 1) * InputWords)].Select(w => w.ToString("X", CultureInfo.InvariantCulture)));
                        differences.AppendLine(CultureInfo.InvariantCulture, $"seed {roundSeed}, number {i}: {instructions[i]}:{difference}; from {state}");
                    }
                }
            }
        }

        DifferentialBudget.Report((long)rounds * Count, firstSeed);
        Assert.True(found.Count == 0, $"{found.Values.Sum()} differences of {rounds * Count}\n{differences}");
    }

    private static string Compare(int index, int bits, ulong[] soft, ulong[] hard, ulong[] softMemory, ulong[] hardMemory)
    {
        StringBuilder text = new();
        for (int w = 0; w < OutputWords; w++)
        {
            ulong a = soft[(index * OutputWords) + w], b = hard[(index * OutputWords) + w];
            // How the guest was entered (IF) is not the instruction's doing; 32-bit code has no upper halves of RAX and RCX.
            ulong mask = w == 0 ? RandomInstructions.All : w < 3 && bits == 32 ? uint.MaxValue : ulong.MaxValue;
            if (((a ^ b) & mask) != 0)
            {
                text.Append(CultureInfo.InvariantCulture, $" output {w} {a:X} not {b:X}");
            }
        }

        for (int w = MemoryAt; w < InputWords; w++)
        {
            ulong a = softMemory[(index * InputWords) + w], b = hardMemory[(index * InputWords) + w];
            if (a != b)
            {
                text.Append(CultureInfo.InvariantCulture, $" memory {w - MemoryAt} {a:X} not {b:X}");
            }
        }

        return text.ToString();
    }

    // ESI or RSI at the input, EBX or RBX at the output, EDI or RDI at the instruction's memory; the upper halves are not compared.
    private static (ulong[] Output, ulong[] Memory) Run(Backend backend, int bits, Instruction[] instructions, ulong[] input) =>
        DifferentialGuest.RunBetween(
            backend, bits, input, Count * OutputWords, c => DifferentialGuest.LoadPointers(c, (rsi, esi), (rbx, ebx)), instructions.Select<Instruction, Action<Assembler>>(one => c => c.AddInstruction(one)), EmitLoad, EmitStore);

    private static void EmitLoad(Assembler c)
    {
        bool isLong = c.Bitness == 64;
        AssemblerMemoryOperand In(int at) => isLong ? __[rsi + at] : __[esi + at];
        c.ldmxcsr(In(0));
        if (isLong)
        {
            c.lea(rdi, In(MemoryAt * 8));
            c.mov(rax, In(8));
            c.mov(rcx, In(16));
        }
        else
        {
            c.lea(edi, In(MemoryAt * 8));
            c.mov(eax, In(8));
            c.mov(ecx, In(16));
        }

        for (int i = 0; i < s_xmm.Length; i++)
        {
            c.movdqu(s_xmm[i], In(32 + (i * 16)));
        }
    }

    private static void EmitStore(Assembler c)
    {
        bool isLong = c.Bitness == 64;
        AssemblerMemoryOperand Out(int at) => isLong ? __[rbx + at] : __[ebx + at];
        if (isLong)
        {
            c.mov(Out(8), rax);
            c.mov(Out(16), rcx);
            c.pushfq();
            c.pop(rax);
            c.mov(Out(0), rax);
        }
        else
        {
            c.mov(Out(8), eax);
            c.mov(Out(16), ecx);
            c.pushfd();
            c.pop(eax);
            c.mov(Out(0), eax);
        }

        c.stmxcsr(Out(24));
        for (int i = 0; i < s_xmm.Length; i++)
        {
            c.movdqu(Out(32 + (i * 16)), s_xmm[i]);
        }

        if (isLong)
        {
            c.add(rsi, InputWords * 8);
            c.add(rbx, OutputWords * 8);
        }
        else
        {
            c.add(esi, InputWords * 8);
            c.add(ebx, OutputWords * 8);
        }
    }

    // Every kind of number, in both formats; all exceptions masked, the rest of MXCSR at random.
    private static void Fill(Random random, Span<ulong> words)
    {
        int style = random.Next(3);
        foreach (ref ulong word in words)
        {
            word = style == 0 ? (ulong)random.NextInt64() ^ ((ulong)random.NextInt64() << 1)
                : style == 1 ? Double(random)
                : Single(random) | ((ulong)Single(random) << 32);
        }

        words[0] = 0x1F80u | ((uint)random.Next(4) << 13) | (random.Next(4) == 0 ? 0x40u : 0) | (random.Next(4) == 0 ? 0x8000u : 0)
            | (random.Next(2) == 0 ? 0x20u : 0);
    }

    private static ulong Double(Random random)
    {
        ulong fraction = random.Next(3) switch { 0 => 0, 1 => (1UL << random.Next(52)) - (ulong)random.Next(2), _ => (ulong)random.NextInt64(1L << 52) };
        ulong exponent = (ulong)(random.Next(8) switch { 0 => 0, 1 => 2047, 2 => random.Next(4), 3 => 2044 + random.Next(3), 4 => random.Next(2047), 5 => 860 + random.Next(330), _ => 1020 + random.Next(66) });
        return ((ulong)random.Next(2) << 63) | (exponent << 52) | fraction;
    }

    private static uint Single(Random random)
    {
        uint fraction = random.Next(3) switch { 0 => 0, 1 => (1u << random.Next(23)) - (uint)random.Next(2), _ => (uint)random.Next(1 << 23) };
        uint exponent = (uint)(random.Next(8) switch { 0 => 0, 1 => 255, 2 => random.Next(4), 3 => 252 + random.Next(3), 4 or 5 => random.Next(255), _ => 124 + random.Next(66) });
        return ((uint)random.Next(2) << 31) | (exponent << 23) | fraction;
    }
}
