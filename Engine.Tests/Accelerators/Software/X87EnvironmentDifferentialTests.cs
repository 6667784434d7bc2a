using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Hyperpatch.Engine.Tests.Support;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Random x87 states and instructions, in software and on the processor behind KVM: all that FXSAVE64, FNSTENV and FNSAVE show.</summary>
public sealed class X87EnvironmentDifferentialTests
{
    // In: an FXSAVE area, and the memory that the instruction has. Out: FXSAVE64's area, FNSTENV's and FNSAVE's.
    private const int Count = 150, InputSize = 640, MemoryAt = 512, OutputSize = 704, EnvironmentAt = 512, StateAt = 544, StateSize = 108, SelectorAt = 16, DataSelectorAt = 24;

    private static readonly byte[][] s_environment =
    [
        [0xD9, 0x36], [0xD9, 0x26], [0xDD, 0x36], [0xDD, 0x26], // FNSTENV, FLDENV, FNSAVE, FRSTOR
        [0x66, 0xD9, 0x36], [0x66, 0xD9, 0x26], [0x66, 0xDD, 0x36], [0x66, 0xDD, 0x26],
        [0xDB, 0xE2], [0xDB, 0xE3], [0xDD, 0x3E], [0xD9, 0x3E], // FNCLEX, FNINIT, FNSTSW, FNSTCW
    ];

    [Theory]
    [InlineData(1, 40)]
    public void State_and_environment_are_the_same_as_on_hardware(int seed, int rounds)
    {
        StringBuilder differences = new();
        (int firstSeed, rounds) = DifferentialBudget.Of(seed, rounds);
        int found = 0;
        for (int round = 0; round < rounds; round++)
        {
            int roundSeed = firstSeed + round;
            Random random = new(roundSeed);
            byte[][] code = [.. Enumerable.Range(0, Count).Select(_ => random.Next(3) == 0 ? s_environment[random.Next(s_environment.Length)] : X87DifferentialTests.Next(random))];
            byte[] input = new byte[Count * InputSize];
            for (int i = 0; i < Count; i++)
            {
                Fill(random, input.AsSpan(i * InputSize, InputSize));
            }

            (byte[] soft, byte[] softMemory) = Run(Backend.Software, code, input);
            (byte[] hard, byte[] hardMemory) = Run(Backend.Kvm, code, input);
            for (int i = 0; i < Count; i++)
            {
                ForgetWhatIsLost(soft.AsSpan(i * OutputSize, OutputSize), hard.AsSpan(i * OutputSize, OutputSize));
                ForgetWhatIsLost(softMemory.AsSpan((i * InputSize) + MemoryAt, 28), hardMemory.AsSpan((i * InputSize) + MemoryAt, 28));
                string difference = Compare(soft.AsSpan(i * OutputSize, OutputSize), hard.AsSpan(i * OutputSize, OutputSize))
                    + Compare(softMemory.AsSpan((i * InputSize) + MemoryAt, StateSize), hardMemory.AsSpan((i * InputSize) + MemoryAt, StateSize));
                if (difference.Length != 0 && ++found < 40)
                {
                    differences.AppendLine(CultureInfo.InvariantCulture, $"seed {roundSeed}, number {i}: {Convert.ToHexString(code[i])}:{difference} from {Convert.ToHexString(input.AsSpan(i * InputSize, 24))}");
                }
            }
        }

        DifferentialBudget.Report((long)rounds * Count, firstSeed);
        Assert.True(found == 0, $"{found} differences of {rounds * Count}\n{differences}");
    }

    // A host of AMD's that interrupts a guest saves and loads no pointers, unless an exception is pending: those from before are zero then.
    private static void ForgetWhatIsLost(Span<byte> soft, Span<byte> hard)
    {
        ReadOnlySpan<(int At, int Size)> fields = soft.Length == OutputSize
            ? [(EnvironmentAt + 12, 4), (EnvironmentAt + 18, 2), (EnvironmentAt + 20, 4), (StateAt + 12, 4), (StateAt + 18, 2), (StateAt + 20, 4)]
            : [(12, 4), (18, 2), (20, 4), (6, 2), (10, 2)];
        foreach ((int at, int size) in fields)
        {
            if (!hard.Slice(at, size).ContainsAnyExcept((byte)0))
            {
                soft.Slice(at, size).Clear();
            }
        }
    }

    private static string Compare(ReadOnlySpan<byte> soft, ReadOnlySpan<byte> hard)
    {
        StringBuilder text = new();
        for (int at = 0; at < soft.Length; at += 2)
        {
            // MXCSR and what follows the x87's registers are other tests' business. Selectors are the host's where it runs guests in a code
            // segment of its own, and lost where it interrupts them.
            bool isArea = soft.Length == OutputSize;
            if (isArea && at is >= 24 and < 32 or >= 160 and < EnvironmentAt or EnvironmentAt + SelectorAt or StateAt + SelectorAt
                or EnvironmentAt + DataSelectorAt or StateAt + DataSelectorAt)
            {
                continue;
            }

            if (!soft.Slice(at, 2).SequenceEqual(hard.Slice(at, 2)))
            {
                text.Append(CultureInfo.InvariantCulture, $" {(isArea ? "at" : "memory")} {at} {Convert.ToHexString(soft.Slice(at, 2))} not {Convert.ToHexString(hard.Slice(at, 2))}");
            }
        }

        return text.ToString();
    }

    // No exception is pending, or the instruction would not be reached.
    private static void Fill(Random random, Span<byte> slot)
    {
        int masks = random.Next(3) == 0 ? random.Next(64) : 0x3F;
        BinaryPrimitives.WriteUInt16LittleEndian(slot, (ushort)(masks | (random.Next(16) << 8)));
        int status = random.Next(0x8000) & ~0x80;
        BinaryPrimitives.WriteUInt16LittleEndian(slot[2..], (ushort)((status & ~0x3F) | (status & masks)));
        slot[4] = (byte)random.Next(256);
        random.NextBytes(slot[6..24]);
        for (int at = 8; at < 24; at += 8)
        {
            // Pointers of canonical addresses: others do not come out as they went in.
            BinaryPrimitives.WriteInt64LittleEndian(slot[at..], BinaryPrimitives.ReadInt64LittleEndian(slot[at..]) >> 17);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(slot[24..], 0x1F80);
        for (int i = 0; i < 8; i++)
        {
            X87DifferentialTests.Operand(random, slot.Slice(32 + (i * 16), 10));
        }

        random.NextBytes(slot[MemoryAt..]);
        if (random.Next(2) == 0)
        {
            X87DifferentialTests.Operand(random, slot.Slice(MemoryAt, 10));
        }
    }

    private static (byte[] Output, byte[] Memory) Run(Backend backend, byte[][] code, byte[] input) => DifferentialGuest.Run(
        backend,
        64,
        input,
        Count * OutputSize,
        c =>
        {
            c.mov(rbx, DifferentialGuest.Input(64));
            c.mov(rdi, DifferentialGuest.Output(64));
            c.lea(rsi, __[rbx + MemoryAt]);
            foreach (byte[] bytes in code)
            {
                c.fxrstor64(__[rbx]);
                c.db(bytes);
                c.fxsave64(__[rdi]);
                c.fnstenv(__[rdi + EnvironmentAt]);
                c.fnsave(__[rdi + StateAt]);
                c.add(rbx, InputSize);
                c.add(rsi, InputSize);
                c.add(rdi, OutputSize);
            }
        },
        vendor: X87DifferentialTests.HostVendor);
}
