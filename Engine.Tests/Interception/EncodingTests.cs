using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Interception;

/// <summary>Which bytes are a hypercall and which are not.</summary>
public sealed class EncodingTests
{
    private const ulong Site = LongModeLayout.Text + 0x20000;

    // Prefixes that the processor ignores with this opcode; the last one is as long as an instruction may be.
    public static MatrixTheoryData<Backend, string> Prefixes => Backends.With(
        "48", "40", "4F", "66", "67", "2E", "36", "3E", "26", "64", "65", "66 48", "2E 66 67 48", "48 66", "66 66 66 66 66 66 66 66 66 66 66 48");

    // What is undefined at CPL 0 on every processor: F0 before it, and VMX and SVM instructions while neither is on. F2 and F3 before it
    // are undefined too, as far as the processor looks at them: the instruction must stay as it is either way.
    public static MatrixTheoryData<Backend, string> Others => Backends.With(
        "F0 0F 01 C1", "F0 0F 01 D9", "F2 0F 01 C1", "F3 0F 01 C1", "F2 0F 01 D9", "F3 0F 01 D9", "66 F2 0F 01 C1", "F3 48 0F 01 D9",
        "0F 01 C0", "0F 01 C2", "0F 01 C3", "0F 01 C4", "0F 01 D8", "0F 01 DA", "0F 01 DB", "0F 01 DC", "0F 01 DD", "0F 01 DE", "0F 01 DF",
        "0F 0B", "0F B9 C0");

    [Theory, MemberData(nameof(Prefixes))]
    public void Ignored_prefixes_stay_and_the_last_byte_is_patched(Backend backend, string prefixes)
    {
        byte[] before = Convert.FromHexString(prefixes.Replace(" ", string.Empty, StringComparison.Ordinal));
        ulong results = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            results = b.Reserve(16);
            foreach (ulong result in (ulong[])[results, results + 8])
            {
                b.CallAt(Site);
                b.StoreRax(result);
            }

            b.Exit(0);
            b.At(Site);
            b.Define("site");
            b.Hypercall(GuestVendor.Amd, before);
            b.Code.ret();
        });
        Assert.Equal([GuestCode.NoSuchCall, GuestCode.NoSuchCall], machine.Words(results, 2));
        Assert.Equal(
            [InterceptionOutcome.Patched, InterceptionOutcome.Served, InterceptionOutcome.Served], machine.OutcomesAt(Site));
        Assert.Equal([.. before, 0x0F, 0x01, 0xC1, 0xC3], machine.Bytes("site", before.Length + 4));
        Assert.Equal(machine.Image.Physical(Site) + (ulong)before.Length + 2, machine.Site("site").Physical);
    }

    [Theory, MemberData(nameof(Others))]
    public void Other_undefined_instructions_reach_the_guests_handler_untouched(Backend backend, string code)
    {
        byte[] bytes = Convert.FromHexString(code.Replace(" ", string.Empty, StringComparison.Ordinal));
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            b.ExpectException("end");
            b.CallAt(Site);
            b.Define("end");
            b.Exit(0);
            b.At(Site);
            b.Define("site");
            b.Code.db(bytes);
            b.Code.ret();
        });
        ExceptionRecord exception = machine.Exception();
        Assert.Equal((6u, 1u, 0UL, Site, 0UL), (exception.Vector, exception.Count, exception.ErrorCode, exception.Rip, exception.Cr2));
        Assert.Equal((0, 0), (machine.Served, machine.Patched));
        Assert.Equal(bytes, machine.Bytes("site", bytes.Length));
        Assert.Empty(machine.Machine.Sites.All());
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void More_than_fifteen_bytes_are_a_general_protection_fault(Backend backend)
    {
        byte[] prefixes = [.. Enumerable.Repeat((byte)0x66, 13)];
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            b.ExpectException("end");
            b.CallAt(Site);
            b.Define("end");
            b.Exit(0);
            b.At(Site);
            b.Define("site");
            b.Hypercall(GuestVendor.Amd, prefixes);
            b.Code.ret();
        });
        // The manual says #GP; KVM's own emulator says #UD. Neither may be a hypercall.
        ExceptionRecord exception = machine.Exception();
        Assert.True(exception.Vector is 6 or 13, $"vector {exception.Vector}");
        Assert.Equal(Site, exception.Rip);
        Assert.Equal((0, 0), (machine.Served, machine.Patched));
        Assert.Equal([.. prefixes, 0x0F, 0x01, 0xD9], machine.Bytes("site", 16));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Neighbours_that_do_something_do_it_and_stay_as_they_are(Backend backend)
    {
        // Memory forms of group 7 (SGDT /0, SIDT /1, SMSW /4, INVLPG /7) and register SMSW: their ModRM bytes are neighbours of C1 and D9.
        ulong store = 0;
        byte[] code = [];
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            Assembler c = b.Code;
            store = b.Reserve(64);
            c.mov(edi, (uint)store);
            c.call(b.Symbol("neighbours"));
            b.Exit(0);
            code =
            [
                0x0F, 0x01, 0x07, // sgdt [rdi]
                0x0F, 0x01, 0x4F, 0x10, // sidt [rdi+0x10]
                0x0F, 0x01, 0xE0, // smsw eax
                0x0F, 0x01, 0x7F, 0x20, // invlpg [rdi+0x20]
                0xC3,
            ];
            b.At(Site);
            b.Define("neighbours");
            c.db(code);
        });
        Assert.Equal(LongModeLayout.Gdt, BitConverter.ToUInt64(Read(machine, store + 2)));
        Assert.Equal(LongModeLayout.Idt, BitConverter.ToUInt64(Read(machine, store + 0x12)));
        Assert.Equal((0, 0), (machine.Served, machine.Patched));
        Assert.Equal(code, machine.Bytes("neighbours", code.Length));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bytes_as_data_are_never_touched(Backend backend)
    {
        // In an operand, in front of and behind a real site, in constants that are read.
        byte[] data = [0x0F, 0x01, 0xD9, 0x0F, 0x01, 0xC1, 0x0F, 0x01, 0xD9];
        ulong constants = 0, results = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            Assembler c = b.Code;
            constants = b.Constant(data);
            results = b.Reserve(24);
            b.Define("operand");
            c.mov(rax, 0x00D9_010F_00D9_010F);
            b.StoreRax(results);
            c.mov(rax, __qword_ptr[constants]);
            b.StoreRax(results + 8);
            c.jmp(b.Symbol("site"));
            b.Define("in_front");
            c.db(data);
            b.Define("site");
            b.Hypercall(GuestVendor.Amd);
            c.jmp(b.Symbol("behind"));
            b.Define("data_behind");
            c.db(data);
            b.Define("behind");
            b.StoreRax(results + 16);
            b.Exit(0);
        });
        Assert.Equal(
            [0x00D9_010F_00D9_010F, BitConverter.ToUInt64(data), GuestCode.NoSuchCall], machine.Words(results, 3));
        Assert.Equal(data, machine.Bytes("in_front", data.Length));
        Assert.Equal(data, machine.Bytes("data_behind", data.Length));
        Assert.Equal([0x48, 0xB8, 0x0F, 0x01, 0xD9], machine.Bytes("operand", 5));
        Assert.Equal((1, 1), (machine.Served, machine.Patched));
        Assert.Single(machine.Machine.Sites.All());
    }

    private static byte[] Read(TestMachine machine, ulong physical)
    {
        byte[] bytes = new byte[8];
        Assert.True(machine.Machine.TryReadMemory(physical, bytes));
        return bytes;
    }
}
