using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Programs;

/// <summary>Runs compiled programs as guests.</summary>
internal static class ProgramGuest
{
    /// <summary>Where programs are linked to; program.ld says the same.</summary>
    public const ulong ProgramAddress = 0x22_0000;

    private const ulong ProgramEnd = 0x23_0000, CallAddress = 0x21_0000, InputAddress = 0x24_0000, OutputAddress = 0x26_0000;
    private const ulong DigestAddress = 0x26_F000, Stack = 0x27_0000, StackTop = 0x28_0000, PageSize = 0x1000;
    private const int OutputSize = 16384;

    /// <summary>Runs one at CPL 3: at CPL 0, some hosts' KVM interprets the guest's code and knows only part of the instructions.</summary>
    /// <param name="backend">Where.</param>
    /// <param name="program">Which.</param>
    /// <returns>What it returned and wrote.</returns>
    public static (ulong Digest, byte[] Output) Run(Backend backend, CompiledProgram program)
    {
        Assert.True((ulong)program.Flat.Length <= ProgramEnd - ProgramAddress, "The program is larger than its room.");
        using TestMachine machine = TestMachine.Run(backend, b => Emit(b, program.Flat));
        Assert.True(
            machine.Exception().Vector == Vectors.InvalidOpcode && machine.Exception().Rip == machine.Image["returned"],
            $"Exception {machine.Exception().Vector} at 0x{machine.Exception().Rip:X}: {Convert.ToHexString(machine.Bytes(machine.Exception().Rip, 15))}");
        byte[] output = new byte[OutputSize];
        Assert.True(machine.Machine.TryReadMemory(OutputAddress, output));
        return (machine.Word(DigestAddress), output);
    }

    /// <summary>Whether a back end's processor says that it has SSE2: a guest asks it.</summary>
    /// <param name="backend">Which.</param>
    public static bool HasSse2(Backend backend)
    {
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            result = b.Reserve(8);
            b.Code.mov(eax, 1);
            b.Code.cpuid();
            b.Code.mov(__qword_ptr[result], rdx);
            b.Exit(0);
        });
        return (machine.Word(result) & (1 << 26)) != 0;
    }

    private static void Emit(LongModeImageBuilder b, byte[] flat)
    {
        Assembler c = b.Code;
        b.ExpectException("end");
        b.EnterUser("user", StackTop);
        b.Define("end");
        b.Exit(0);

        b.At(CallAddress, PageFlags.Code | PageFlags.User);
        b.Define("user");
        c.mov(rdi, InputAddress);
        c.mov(rsi, (ulong)ProgramCompiler.Input.Length);
        c.mov(rdx, OutputAddress);
        c.mov(rax, ProgramAddress);
        c.call(rax);
        c.mov(rcx, DigestAddress);
        c.mov(__qword_ptr[rcx], rax);
        b.Define("returned");
        c.ud2();

        // The program's variables lie among its code, so its pages are both.
        Fill(b, ProgramAddress, ProgramEnd, flat, PageFlags.Code | PageFlags.User);
        Fill(b, InputAddress, OutputAddress, ProgramCompiler.Input, PageFlags.Data | PageFlags.User);
        Fill(b, OutputAddress, Stack, [], PageFlags.Data | PageFlags.User);
        Fill(b, Stack, StackTop, [], PageFlags.Data | PageFlags.User);
    }

    private static void Fill(LongModeImageBuilder b, ulong from, ulong to, ReadOnlySpan<byte> content, PageFlags flags)
    {
        for (ulong page = from; page < to; page += PageSize)
        {
            ReadOnlySpan<byte> part = content[..Math.Min(content.Length, (int)PageSize)];
            content = content[part.Length..];
            b.BytesAt(page, part, flags);
        }
    }
}
