using System.Globalization;
using System.Runtime.InteropServices;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>
/// The guest of the differential tests: code at CPL 3, in 64-bit mode or in compatibility mode, with an area of inputs and one of outputs
/// that the test fills and reads. The two modes' areas are the same memory; in 64-bit mode they lie beyond 4 GiB.
/// </summary>
internal static class DifferentialGuest
{
    /// <summary>Bytes that there are for the inputs, and as many for the outputs.</summary>
    public const int AreaSize = 0x4_0000;

    private const ulong UserCode = 0x2_0000_0000, UserStack = 0x2_0010_0000, HighInput = 0x3_0000_0000, HighOutput = 0x4_0000_0000;
    private const ulong LowInput = 0x20_0000, LowOutput = LowInput + AreaSize, LowCode = 0x28_0000, LowCodeEnd = 0x30_0000, LowStack = 0x30_2000;

    /// <summary>Linear address of the inputs.</summary>
    public static ulong Input(int bits) => bits == 64 ? HighInput : LowInput;

    /// <summary>Linear address of the outputs.</summary>
    public static ulong Output(int bits) => bits == 64 ? HighOutput : LowOutput;

    /// <summary>Runs code.</summary>
    /// <param name="backend">Where.</param>
    /// <param name="bits">32 or 64.</param>
    /// <param name="input">What is in the area of inputs.</param>
    /// <param name="outputSize">How much of the area of outputs is of interest.</param>
    /// <param name="body">Writes the code; it ends by falling through.</param>
    /// <param name="after">Writes what lies behind, such as routines.</param>
    /// <param name="vendor">The vendor that it sees.</param>
    /// <returns>Both areas afterwards.</returns>
    public static (byte[] Output, byte[] Input) Run(
        Backend backend,
        int bits,
        ReadOnlySpan<byte> input,
        int outputSize,
        Action<Assembler> body,
        Action<Assembler>? after = null,
        GuestVendor vendor = GuestVendor.Intel)
    {
        using TestMachine machine = Create(backend, bits, input, body, after, vendor);
        machine.RunToEnd(expected: 1);
        ulong end = machine.Exception().Rip;
        Assert.True(
            machine.Exception().Vector == 6 && end == machine.Image["last"],
            string.Create(CultureInfo.InvariantCulture, $"{backend}: exception {machine.Exception().Vector} at {Convert.ToHexString(machine.Bytes(end, 8))}"));
        byte[] output = new byte[outputSize], changed = new byte[input.Length];
        Assert.True(machine.Machine.TryReadMemory(LowOutput, output));
        Assert.True(machine.Machine.TryReadMemory(LowInput, changed));
        return (output, changed);
    }

    /// <summary>Runs pieces of code one after the other, each between a routine that loads its state and one that stores what it left.</summary>
    /// <param name="backend">Where.</param>
    /// <param name="bits">32 or 64.</param>
    /// <param name="input">What is in the area of inputs.</param>
    /// <param name="outputSize">How much of the area of outputs is of interest.</param>
    /// <param name="begin">Writes what comes first, such as pointers to the areas.</param>
    /// <param name="pieces">Write the pieces.</param>
    /// <param name="load">Writes the routine that loads, without its RET.</param>
    /// <param name="store">Writes the routine that stores, and moves on to the next piece's state, without its RET.</param>
    /// <param name="vendor">The vendor that it sees.</param>
    /// <returns>Both areas afterwards.</returns>
    public static (byte[] Output, byte[] Input) RunBetween(
        Backend backend,
        int bits,
        ReadOnlySpan<byte> input,
        int outputSize,
        Action<Assembler> begin,
        IEnumerable<Action<Assembler>> pieces,
        Action<Assembler> load,
        Action<Assembler> store,
        GuestVendor vendor = GuestVendor.Intel)
    {
        Label loads = default, stores = default;
        return Run(
            backend,
            bits,
            input,
            outputSize,
            c =>
            {
                loads = c.CreateLabel();
                stores = c.CreateLabel();
                begin(c);
                foreach (Action<Assembler> piece in pieces)
                {
                    c.call(loads);
                    piece(c);
                    c.call(stores);
                }
            },
            c =>
            {
                c.Label(ref loads);
                load(c);
                c.ret();
                c.Label(ref stores);
                store(c);
                c.ret();
            },
            vendor);
    }

    /// <summary>The same for areas of words.</summary>
    /// <inheritdoc cref="RunBetween(Backend, int, ReadOnlySpan{byte}, int, Action{Assembler}, IEnumerable{Action{Assembler}}, Action{Assembler}, Action{Assembler}, GuestVendor)"/>
    public static (ulong[] Output, ulong[] Input) RunBetween(
        Backend backend,
        int bits,
        ulong[] input,
        int outputWords,
        Action<Assembler> begin,
        IEnumerable<Action<Assembler>> pieces,
        Action<Assembler> load,
        Action<Assembler> store)
    {
        (byte[] output, byte[] changed) = RunBetween(backend, bits, MemoryMarshal.AsBytes(input.AsSpan()), outputWords * 8, begin, pieces, load, store);
        return (MemoryMarshal.Cast<byte, ulong>(output).ToArray(), MemoryMarshal.Cast<byte, ulong>(changed).ToArray());
    }

    /// <summary>Code: has two registers point to the areas of inputs and of outputs.</summary>
    public static void LoadPointers(
        Assembler c, (AssemblerRegister64 Long, AssemblerRegister32 Short) input, (AssemblerRegister64 Long, AssemblerRegister32 Short) output)
    {
        if (c.Bitness == 64)
        {
            c.mov(input.Long, Input(64));
            c.mov(output.Long, Output(64));
            return;
        }

        c.mov(input.Short, (uint)Input(32));
        c.mov(output.Short, (uint)Output(32));
    }

    /// <summary>Whether code comes to its end: a host whose KVM emulates a mode ends the machine at what its emulator does not know.</summary>
    /// <param name="backend">Where.</param>
    /// <param name="bits">32 or 64.</param>
    /// <param name="body">The code.</param>
    public static bool CanRun(Backend backend, int bits, Action<Assembler> body)
    {
        using TestMachine machine = Create(backend, bits, new byte[4096], body, null, GuestVendor.Intel);
        machine.RunToEnd();
        return machine.Machine.Exit?.Code == 1 && machine.Exception().Rip == machine.Image["last"];
    }

    private static TestMachine Create(
        Backend backend, int bits, ReadOnlySpan<byte> input, Action<Assembler> body, Action<Assembler>? after, GuestVendor vendor)
    {
        TestMachine machine = TestMachine.Create(backend, b => Emit(b, bits, body, after), vendor);
        Assert.True(machine.Machine.Memory.TryWrite(LowInput, input));
        return machine;
    }

    private static void Emit(LongModeImageBuilder b, int bits, Action<Assembler> body, Action<Assembler>? after)
    {
        b.ExpectException("end");
        if (bits == 64)
        {
            b.EnterUser("user", UserStack);
            b.MapNew(UserStack - 8, 1, PageFlags.Data | PageFlags.User);
        }
        else
        {
            b.EnterUser("user", LowStack, LongModeSelectors.UserCode32);
            b.Protect(LowStack - 8, PageFlags.Data | PageFlags.User);
        }

        for (ulong at = 0; at < AreaSize; at += 4096)
        {
            foreach (ulong page in (ulong[])[LowInput + at, LowOutput + at])
            {
                b.Protect(page, PageFlags.Data | PageFlags.User);
            }

            b.Map(HighInput + at, LowInput + at, PageFlags.Data | PageFlags.User);
            b.Map(HighOutput + at, LowOutput + at, PageFlags.Data | PageFlags.User);
        }

        for (ulong page = LowCode; page < LowCodeEnd; page += 4096)
        {
            b.Protect(page, PageFlags.Code | PageFlags.User);
            b.Map(UserCode + (page - LowCode), page, PageFlags.Code | PageFlags.User);
        }

        b.Define("end");
        b.Exit(0);
        if (bits == 64)
        {
            b.At(UserCode, PageFlags.Code | PageFlags.User);
            b.Define("user");
            body(b.Code);
            b.Define("last");
            b.Code.ud2();
            after?.Invoke(b.Code);
            return;
        }

        CodeEmitter emitter = b.Code32At(LowCode, PageFlags.Code | PageFlags.User);
        emitter.Define("user");
        // IRETQ took the supervisor's data segments away.
        emitter.Code.mov(eax, LongModeSelectors.UserData);
        emitter.Code.mov(ds, eax);
        emitter.Code.mov(es, eax);
        body(emitter.Code);
        emitter.Define("last");
        emitter.Code.ud2();
        after?.Invoke(emitter.Code);
    }
}
