using System.Globalization;
using System.Text;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Random instructions and states, in software and on the processor behind KVM: registers, memory and flags are to be the same.</summary>
public sealed class DifferentialTests
{
    private const int Count = 1500, InputWords = 16, OutputWords = 14, DefaultRounds = 34;
    private static readonly Lazy<bool> s_runsNewInstructionsIn32Bits = new(RunsNewInstructionsIn32Bits);
    private static readonly AssemblerRegister64[] s_registers = [rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12];
    private static readonly AssemblerRegister32[] s_registers32 = [eax, ebx, ecx, edx];

    /// <summary>102,000 sequences, or as many thousands as HYPERPATCH_DIFFERENTIAL_ROUNDS says (1500 a round and mode), from a new seed.</summary>
    [Theory]
    [InlineData(64, 1)]
    [InlineData(32, 2)]
    public void Integer_instructions_are_the_same_as_on_hardware(int bits, int seed)
    {
        (int firstSeed, int rounds) = DifferentialBudget.Of(seed, DefaultRounds);
        bool isWhole = bits == 64 || s_runsNewInstructionsIn32Bits.Value;
        StringBuilder differences = new();
        int found = 0;
        for (int round = 0; round < rounds; round++)
        {
            int roundSeed = firstSeed + round;
            found += Round(bits, isWhole, roundSeed, differences);
        }

        DifferentialBudget.Report((long)rounds * Count, firstSeed);
        TestContext.Current.TestOutputHelper?.WriteLine($"Newer instructions: {isWhole}.");
        Assert.True(found == 0, $"{found} differences of {(long)rounds * Count}\n{differences}");
    }

    private static int Round(int bits, bool isWhole, int roundSeed, StringBuilder differences)
    {
        Random random = new(roundSeed);
        RandomSlots source = new(random, bits, isWhole);
        DifferentialSlot[] slots = [.. Enumerable.Range(0, Count).Select(_ => source.Next())];
        ulong[] input = new ulong[Count * InputWords];
        for (int i = 0; i < input.Length; i++)
        {
            input[i] = Value(random);
        }

        for (int i = 0; i < Count; i++)
        {
            input[i * InputWords] = ((ulong)random.NextInt64() & RandomInstructions.All) | 2;
            if (slots[i].NeedsSmallRegisters)
            {
                // The bit index stays inside the scratch area.
                for (int r = 1; r <= s_registers.Length; r++)
                {
                    input[(i * InputWords) + r] &= 31;
                }
            }
        }

        (ulong[] soft, ulong[] softScratch) = Run(Backend.Software, bits, slots, input);
        (ulong[] hard, ulong[] hardScratch) = Run(Backend.Kvm, bits, slots, input);
        int found = 0;
        for (int i = 0; i < Count; i++)
        {
            string? difference = Compare(slots[i], i, input, soft, hard, softScratch, hardScratch);
            if (difference is not null && ++found < 20 && differences.Length < 20_000)
            {
                differences.AppendLine(CultureInfo.InvariantCulture, $"seed {roundSeed}, number {i}: {difference}");
            }
        }

        return found;
    }

    // A host whose KVM emulates 32-bit code ends the machine at the first instruction that its emulator does not know.
    private static bool RunsNewInstructionsIn32Bits() => DifferentialGuest.CanRun(Backend.Kvm, 32, c =>
    {
        c.daa();
        c.popcnt(eax, ebx);
        c.andn(eax, ebx, ecx);
    });

    private static string? Compare(
        DifferentialSlot slot, int index, ulong[] input, ulong[] soft, ulong[] hard, ulong[] softScratch, ulong[] hardScratch)
    {
        int cl = (byte)input[(index * InputWords) + 3];
        if (slot.IsResultUndefined(cl))
        {
            return null;
        }

        ulong mask = slot.DefinedAfter(cl);
        int at = index * OutputWords;
        StringBuilder text = new();
        if (((soft[at] ^ hard[at]) & mask) != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $" flags {soft[at] & mask:X} not {hard[at] & mask:X}");
        }

        for (int r = 0; r < s_registers.Length; r++)
        {
            if (soft[at + 1 + r] != hard[at + 1 + r])
            {
                text.Append(CultureInfo.InvariantCulture, $" {s_registers[r].Value} {soft[at + 1 + r]:X} not {hard[at + 1 + r]:X}");
            }
        }

        for (int w = 14; w < InputWords; w++)
        {
            ulong a = softScratch[(index * InputWords) + w], b = hardScratch[(index * InputWords) + w];
            if (a != b)
            {
                text.Append(CultureInfo.InvariantCulture, $" memory {w - 14} {a:X} not {b:X}");
            }
        }

        if (text.Length == 0)
        {
            return null;
        }

        string state = string.Join(' ', Enumerable.Range(0, InputWords).Select(w => input[(index * InputWords) + w].ToString("X", CultureInfo.InvariantCulture)));
        return $"{slot.Text}:{text}; from {state}";
    }

    private static (ulong[] Output, ulong[] Scratch) Run(Backend backend, int bits, DifferentialSlot[] slots, ulong[] input) =>
        DifferentialGuest.RunBetween(backend, bits, input, Count * OutputWords, c => DifferentialGuest.LoadPointers(c, (r14, esi), (r15, edi)), slots.Select<DifferentialSlot, Action<Assembler>>(slot => slot.Emit), EmitLoad, EmitStore);

    private static void EmitLoad(Assembler c)
    {
        if (c.Bitness == 64)
        {
            c.lea(r13, __[r14 + (14 * 8)]);
            for (int i = 0; i < s_registers.Length; i++)
            {
                c.mov(s_registers[i], __qword_ptr[r14 + ((i + 1) * 8)]);
            }

            c.push(__qword_ptr[r14]);
            c.popfq();
            return;
        }

        for (int i = 0; i < s_registers32.Length; i++)
        {
            c.mov(s_registers32[i], __dword_ptr[esi + ((i + 1) * 8)]);
        }

        c.mov(ebp, __dword_ptr[esi + (7 * 8)]);
        c.push(__dword_ptr[esi]);
        c.popfd();
    }

    private static void EmitStore(Assembler c)
    {
        if (c.Bitness == 64)
        {
            c.pushfq();
            c.pop(__qword_ptr[r15]);
            for (int i = 0; i < s_registers.Length; i++)
            {
                c.mov(__qword_ptr[r15 + ((i + 1) * 8)], s_registers[i]);
            }

            c.add(r14, InputWords * 8);
            c.add(r15, OutputWords * 8);
            return;
        }

        c.pushfd();
        c.pop(__dword_ptr[edi]);
        for (int i = 0; i < s_registers32.Length; i++)
        {
            c.mov(__dword_ptr[edi + ((i + 1) * 8)], s_registers32[i]);
        }

        c.mov(__dword_ptr[edi + (7 * 8)], ebp);
        c.add(esi, InputWords * 8);
        c.add(edi, OutputWords * 8);
    }

    private static ulong Value(Random random) => random.Next(6) switch
    {
        0 => (ulong)random.Next(70),
        1 => ulong.MaxValue >> random.Next(64),
        2 => 1UL << random.Next(64),
        3 => ~(1UL << random.Next(64)),
        _ => (ulong)random.NextInt64() ^ ((ulong)random.NextInt64() << 1),
    };
}
