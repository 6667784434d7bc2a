using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.Intrinsics.X86;
using System.Text;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Random x87 instructions on random operands, in software and on the processor behind KVM.</summary>
public sealed class X87DifferentialTests
{
    internal const int Count = 400, InputSize = 64, OutputSize = 512;

    // "Auth" of AuthenticAMD.
    private static readonly bool s_isAmdHost = X86Base.IsSupported && X86Base.CpuId(0, 0).Ebx == 0x6874_7541;

    /// <summary>The host's vendor, for what is compared with hardware and differs between vendors.</summary>
    internal static GuestVendor HostVendor => s_isAmdHost ? GuestVendor.Amd : GuestVendor.Intel;

    /// <summary>What is compared.</summary>
    internal static IEnumerable<Mnemonic> Mnemonics => Enum.GetValues<Mnemonic>().Where(IsCompared);

    private static readonly Lazy<bool> s_runsIn32Bits = new(() => DifferentialGuest.CanRun(Backend.Kvm, 32, c =>
    {
        c.fninit();
        c.fldpi();
        c.fadd(st0, st0);
        c.fxsave(__[(int)DifferentialGuest.Output(32)]);
    }));

    [Theory]
    [InlineData(64, 1, 30)]
    [InlineData(32, 2, 15)]
    public void Results_and_status_are_the_same_as_on_hardware(int bits, int seed, int rounds)
    {
        // Opened first: where there is no KVM at all, that is the reason.
        _ = Backend.Kvm.Open();
        Assert.SkipUnless(bits == 64 || s_runsIn32Bits.Value, "This host's KVM emulates 32-bit code, and its emulator does not know x87 arithmetic.");
        Compare(seed, rounds, (Backend.Software, bits), (Backend.Kvm, bits));
    }

    /// <summary>What 64-bit code is compared with hardware for, 32-bit code does the same.</summary>
    [Theory]
    [InlineData(3, 15)]
    public void Results_and_status_are_the_same_in_32_bit_code(int seed, int rounds) =>
        Compare(seed, rounds, (Backend.Software, 32), (Backend.Software, 64));

    private static void Compare(int seed, int rounds, (Backend Backend, int Bits) first, (Backend Backend, int Bits) second)
    {
        StringBuilder differences = new();
        (int firstSeed, rounds) = DifferentialBudget.Of(seed, rounds);
        int found = 0;
        for (int round = 0; round < rounds; round++)
        {
            int roundSeed = firstSeed + round;
            Random random = new(roundSeed);
            byte[][] code = [.. Enumerable.Range(0, Count).Select(_ => Next(random))];
            byte[] input = new byte[Count * InputSize];
            for (int i = 0; i < Count; i++)
            {
                Span<byte> slot = input.AsSpan(i * InputSize, InputSize);
                for (int n = 0; n < 3; n++)
                {
                    Operand(random, slot.Slice(n * 16, 10));
                }

                int masks = random.Next(4) == 0 ? random.Next(64) : 0x3F;
                BinaryPrimitives.WriteUInt16LittleEndian(slot[48..], (ushort)(masks | (random.Next(16) << 8)));
            }

            byte[] soft = Run(first.Backend, first.Bits, code, input), hard = Run(second.Backend, second.Bits, code, input);
            for (int i = 0; i < Count; i++)
            {
                Span<byte> a = soft.AsSpan(i * OutputSize, 160), b = hard.AsSpan(i * OutputSize, 160);
                // Where the last instruction was is not kept track of.
                a[6..32].Clear();
                b[6..32].Clear();
                if (!s_isAmdHost && (a[2] & 0x80) != 0)
                {
                    // What a comparison leaves in C0, C2 and C3 when an unmasked exception stops it is different by vendor; ours is AMD's way.
                    a[3] &= 0xBA;
                    b[3] &= 0xBA;
                }

                if (!a.SequenceEqual(b) && ++found < 40)
                {
                    differences.AppendLine(CultureInfo.InvariantCulture, $"seed {roundSeed}, number {i}: {Convert.ToHexString(code[i])} status {Convert.ToHexString(a[..5])} not {Convert.ToHexString(b[..5])} top {Convert.ToHexString(a[32..42])} not {Convert.ToHexString(b[32..42])} from {Convert.ToHexString(input.AsSpan(i * InputSize, 50))}");
                }
            }
        }

        DifferentialBudget.Report((long)rounds * Count, firstSeed);
        Assert.True(found == 0, $"{found} differences of {rounds * Count}\n{differences}");
    }

    // Any instruction of the eight opcodes that is carried out here; memory operands are at RSI.
    internal static byte[] Next(Random random)
    {
        while (true)
        {
            byte[] bytes = [(byte)random.Next(0xD8, 0xE0), (byte)(random.Next(3) == 0 ? (random.Next(8) << 3) | 6 : random.Next(0xC0, 0x100))];
            Iced.Intel.Decoder decoder = Iced.Intel.Decoder.Create(64, bytes);
            Instruction instruction = decoder.Decode();
            if (!instruction.IsInvalid && IsCompared(instruction.Mnemonic))
            {
                return bytes;
            }
        }
    }

    private static bool IsCompared(Mnemonic mnemonic) => mnemonic is not (Mnemonic.Fldcw or Mnemonic.Fnstcw or Mnemonic.Ffreep)
        && Enum.TryParse(mnemonic.ToString(), out Engine.Accelerators.Software.X87Code code) && code is > Engine.Accelerators.Software.X87Code.None and < Engine.Accelerators.Software.X87Code.F2xm1;

    internal static void Operand(Random random, Span<byte> to)
    {
        ulong significand = (ulong)random.NextInt64() | (1UL << 63);
        int exponent = random.Next(8) switch
        {
            0 => 0,
            1 => 0x7FFF,
            2 => random.Next(0x8000),
            3 => 0x3FFF + random.Next(-1100, 1100),
            _ => 0x3FFF + random.Next(-40, 70),
        };
        significand = random.Next(6) switch
        {
            0 => 1UL << 63,
            1 => significand & (ulong.MaxValue << random.Next(64)),
            2 when exponent == 0 => significand >> random.Next(1, 64),
            3 when exponent == 0 => 0,
            4 => ulong.MaxValue,
            _ => significand,
        };
        BinaryPrimitives.WriteUInt64LittleEndian(to, significand);
        BinaryPrimitives.WriteUInt16LittleEndian(to[8..], (ushort)(exponent | (random.Next(2) << 15)));
    }

    internal static byte[] Run(Backend backend, int bits, byte[][] code, byte[] input)
    {
        (byte[] output, _) = DifferentialGuest.Run(
            backend,
            bits,
            input,
            Count * OutputSize,
            c =>
            {
                DifferentialGuest.LoadPointers(c, (rsi, esi), (rdi, edi));
                foreach (byte[] bytes in code)
                {
                    Emit(c, bytes);
                }
            });
        return output;
    }

    private static void Emit(Assembler c, byte[] bytes)
    {
        bool isLong = c.Bitness == 64;
        c.fninit();
        for (int at = 16; at <= 32; at += 16)
        {
            c.fld(isLong ? __tbyte_ptr[rsi + at] : __tbyte_ptr[esi + at]);
        }

        c.fldcw(isLong ? __word_ptr[rsi + 48] : __word_ptr[esi + 48]);
        c.db(bytes);
        if (isLong)
        {
            c.fxsave64(__[rdi]);
            c.add(rsi, InputSize);
            c.add(rdi, OutputSize);
        }
        else
        {
            c.fxsave(__[edi]);
            c.add(esi, InputSize);
            c.add(edi, OutputSize);
        }
    }
}
