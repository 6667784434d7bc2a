using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.Intrinsics.X86;
using System.Text;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Random x87 instructions on random operands, in software and on the processor behind KVM.</summary>
public sealed class X87DifferentialTests
{
    private const ulong UserCode = 0x2_0000_0000, UserStack = 0x2_0010_0000, InputArea = 0x3_0000_0000, OutputArea = 0x4_0000_0000;
    internal const int Count = 400, InputSize = 64, OutputSize = 512;

    // "Auth" of AuthenticAMD.
    internal static readonly bool IsAmdHost = X86Base.IsSupported && X86Base.CpuId(0, 0).Ebx == 0x6874_7541;

    [Theory]
    [InlineData(1, 30)]
    public void Results_and_status_are_the_same_as_on_hardware(int seed, int rounds)
    {
        StringBuilder differences = new();
        int found = 0;
        for (int round = 0; round < rounds; round++)
        {
            int roundSeed = (seed * 10_000) + round;
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

            byte[] soft = Run(Backend.Software, code, input), hard = Run(Backend.Kvm, code, input);
            for (int i = 0; i < Count; i++)
            {
                Span<byte> a = soft.AsSpan(i * OutputSize, 160), b = hard.AsSpan(i * OutputSize, 160);
                // Where the last instruction was is not kept track of.
                a[6..32].Clear();
                b[6..32].Clear();
                if (!IsAmdHost && (a[2] & 0x80) != 0)
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
            if (!instruction.IsInvalid && instruction.Mnemonic is not (Mnemonic.Fldcw or Mnemonic.Fnstcw or Mnemonic.Ffreep)
                && Enum.TryParse(instruction.Mnemonic.ToString(), out Engine.Accelerators.Software.X87Code code)
                && code < Engine.Accelerators.Software.X87Code.F2xm1)
            {
                return bytes;
            }
        }
    }

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

    internal static byte[] Run(Backend backend, byte[][] code, byte[] input)
    {
        ulong inputAt = 0, outputAt = 0;
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            b.ExpectException("end");
            b.EnterUser("user", UserStack);
            b.MapNew(UserStack - 8, 1, PageFlags.Data | PageFlags.User);
            inputAt = b.MapNew(InputArea, ((Count * InputSize) + 4095) / 4096, PageFlags.Data | PageFlags.User);
            outputAt = b.MapNew(OutputArea, ((Count * OutputSize) + 4095) / 4096, PageFlags.Data | PageFlags.User);
            b.Define("end");
            b.Exit(0);
            b.At(UserCode, PageFlags.Code | PageFlags.User);
            b.Define("user");
            c.mov(rsi, InputArea);
            c.mov(rdi, OutputArea);
            foreach (byte[] bytes in code)
            {
                c.fninit();
                c.fld(__tbyte_ptr[rsi + 16]);
                c.fld(__tbyte_ptr[rsi + 32]);
                c.fldcw(__word_ptr[rsi + 48]);
                c.db(bytes);
                c.fxsave64(__[rdi]);
                c.add(rsi, InputSize);
                c.add(rdi, OutputSize);
            }

            b.Define("last");
            c.ud2();
        });
        Assert.True(machine.Machine.Memory.TryWrite(inputAt, input));
        machine.RunToEnd(expected: 1);
        Assert.True(machine.Exception().Vector == 6 && machine.Exception().Rip == machine.Image["last"], $"{backend}: exception {machine.Exception().Vector}");
        byte[] output = new byte[Count * OutputSize];
        Assert.True(machine.Machine.TryReadMemory(outputAt, output));
        return output;
    }
}
