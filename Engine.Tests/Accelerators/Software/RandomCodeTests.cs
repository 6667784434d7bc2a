using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Support;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Random bytes as guest code: whatever they do, it is the guest's affair.</summary>
public sealed class RandomCodeTests
{
    private const int Size = 0x4000;

    [Theory]
    [InlineData(GuestMode.Long, 1)]
    [InlineData(GuestMode.Long, 2)]
    [InlineData(GuestMode.Protected, 3)]
    [InlineData(GuestMode.Real, 4)]
    public void Random_code_never_upsets_the_host(GuestMode mode, int seed)
    {
        Random random = new(seed);
        for (int i = 0; i < 40; i++)
        {
            byte[] code = new byte[Size];
            random.NextBytes(code);
            // Most bytes of a random stream are plain arithmetic; these lead to the rest.
            for (int at = 0; at < Size; at += random.Next(4, 24))
            {
                code[at] = random.Next(5) switch { 0 => 0x0F, 1 => 0xF3, 2 => 0x48, 3 => 0xFF, _ => 0xCD };
            }

            using TestMachine machine = mode == GuestMode.Long ? Long(code) : Legacy(code, mode);
            machine.Machine.Run();
            Thread.Sleep(5);
            try
            {
                machine.Machine.Pause();
            }
            catch (MachineStateException)
            {
                // It has ended by itself; how, is asked below.
                Assert.NotNull(machine.Machine.Exit);
            }

            string? reason = machine.Machine.Exit?.Reason;
            Assert.True(
                reason is null || reason.Contains("triple-faulted", StringComparison.Ordinal)
                    || reason.Contains("where no memory is", StringComparison.Ordinal) || reason.Contains("port 0xF4", StringComparison.Ordinal),
                $"{mode}, seed {seed}, round {i}: {reason}");
        }
    }

    private static TestMachine Long(byte[] code)
    {
        return TestMachine.Create(Backend.Software, b =>
        {
            for (int at = 0; at < Size; at += 4096)
            {
                b.BytesAt(LongModeLayout.Text + 0x40000 + (ulong)at, code.AsSpan(at, 4096));
            }

            // Every exception goes on further into the bytes.
            for (int vector = 0; vector < 32; vector++)
            {
                b.Handle(vector, "next");
            }

            b.Code.mov(rbx, LongModeLayout.Text + 0x40000);
            b.Define("next");
            b.Code.add(ebx, 37);
            b.Code.and(ebx, (int)(LongModeLayout.Text + 0x40000 + Size - 1));
            b.Code.mov(rsp, LongModeLayout.Stacks + 0x1000);
            b.Code.jmp(rbx);
        });
    }

    private static TestMachine Legacy(byte[] code, GuestMode mode) => TestMachine.Create(Backend.Software, new GuestImage
    {
        Segments = [new GuestSegment(0x8000, code), new GuestSegment(0, (byte[])[.. Enumerable.Range(0, 256).SelectMany(v => new byte[] { (byte)(v * 16), 0x90, 0, 0 })])],
        Processors =
        [
            new ProcessorStart
            {
                Mode = mode,
                Rip = 0x8000,
                Rsp = 0x7000,
                CodeSelector = (ushort)(mode == GuestMode.Real ? 0 : 8),
                DataSelector = (ushort)(mode == GuestMode.Real ? 0 : 16),
                Idt = new Hyperpatch.Engine.Accelerators.DescriptorTable(0, 0x3FF),
            },
        ],
    });
}
