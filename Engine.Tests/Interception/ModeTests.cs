using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Interception;

/// <summary>Hypercalls in every mode of the processor, at every privilege level, at the ends of the address space.</summary>
public sealed class ModeTests
{
    private const ulong Garbage = 0xDEAD_BEEF_0000_0000;
    private const ulong UserCode = 0x2_0000_0000;
    private const ulong UserStack = 0x2_0010_0000;
    private const ulong UserStack32 = 0x30_2000;

    public static TheoryData<Backend, int, uint, PatchPolicy> Based
    {
        get
        {
            TheoryData<Backend, int, uint, PatchPolicy> rows = [];
            foreach (Backend backend in Enum.GetValues<Backend>())
            {
                foreach (PatchPolicy policy in (PatchPolicy[])[PatchPolicy.Force, PatchPolicy.Faithful, PatchPolicy.Emulate])
                {
                    rows.Add(backend, 32, 0x40000, policy);
                    rows.Add(backend, 32, 0, policy);
                    rows.Add(backend, 16, 0x10000, policy);
                    rows.Add(backend, 16, 0xFFF0, policy);
                }
            }

            return rows;
        }
    }

    public static MatrixTheoryData<Backend, ulong> HighHalf => Backends.With(
        0xFFFF_8000_0000_0000, 0xFFFF_8000_0000_0FFE, 0xFFFF_FFFF_8000_0123, 0xFFFF_FFFF_FFFF_F000, 0x7FFF_FFFF_F000UL, 0x1_0000_0000UL);

    // At level native the kernel sees calls of CPL 3 itself; the #GP that a host without VMX and SVM makes of them is watched for at the
    // other levels, whose DR1 is free for it.
    public static MatrixTheoryData<Backend, GuestVendor> UserCalls =>
        new(Enum.GetValues<Backend>().Where(backend => backend != Backend.KvmNative), Enum.GetValues<GuestVendor>());

    [Theory, MemberData(nameof(Based))]
    public void Legacy_code_in_a_segment_with_a_base(Backend backend, int bits, uint codeBase, PatchPolicy policy)
    {
        // At the same offset without the base there are the same bytes: they are not code here.
        const uint Origin = 0x3000;
        byte[] decoy = [0x0F, 0x01, 0xD9];
        GuestSegment[] decoys = codeBase == 0 ? [] : [new GuestSegment(Origin, decoy)];
        GuestImage image = LegacyImage.Build(
            bits,
            codeBase,
            Origin,
            emitter =>
            {
                Assembler c = emitter.Code;
                emitter.Code.db(0x0F, 0x01, 0xD9);
                uint results = bits == 16 ? 0 : LegacyImage.Data;
                c.mov(__dword_ptr[results], eax);
                c.mov(eax, 0x1234);
                c.mov(ebx, 0x8765_4321);
                emitter.Code.db(0x0F, 0x01, 0xC1);
                c.mov(__dword_ptr[results + 4], eax);
                LegacyImage.Exit(c, 0);
            },
            decoys);
        using TestMachine machine = TestMachine.Create(backend, image, GuestVendor.Intel, policy);
        machine.RunToEnd(expected: 1);
        Assert.Equal(unchecked((ulong)-1000 << 32) | 0xFFFF_FC18, machine.Word(LegacyImage.Data));
        byte[] bytes = new byte[3];
        Assert.True(machine.Machine.TryReadMemory(codeBase + Origin, bytes));
        Assert.Equal(policy == PatchPolicy.Emulate ? (byte)0xD9 : (byte)0xC1, bytes[2]);
        if (codeBase != 0)
        {
            Assert.True(machine.Machine.TryReadMemory(Origin, bytes));
            Assert.Equal(decoy, bytes);
        }

        Assert.Equal((2, policy == PatchPolicy.Emulate ? 0 : 1), (machine.Served, machine.Patched));
        Assert.Equal(
            (0x1234UL, 0x8765_4321UL, 0xFFFF_FC18UL),
            (machine.Interceptions()[^1].Value0, machine.Interceptions()[^1].Value1, machine.Interceptions()[^1].Result));
    }

    [Theory, MemberData(nameof(Backends.AllWithVendors), MemberType = typeof(Backends))]
    public void Compatibility_mode_ignores_the_high_halves(Backend backend, GuestVendor form)
    {
        const ulong Code32 = 0x30_0000;
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            Assembler c = b.Code;
            result = b.Reserve(8);
            b.ExpectException("end");
            c.mov(r8, rsp);
            c.push(LongModeSelectors.Data);
            c.push(r8);
            c.push(2);
            c.push(LongModeSelectors.Code32);
            c.push((int)Code32);
            c.mov(rax, Garbage | 1);
            c.mov(rbx, Garbage | 0x11);
            c.mov(rcx, Garbage | 0x22);
            c.mov(rdx, Garbage | 0x33);
            c.mov(rsi, Garbage | 0x8000_0044);
            c.iretq();
            b.Define("end");
            b.StoreRax(result);
            b.Exit(0);
            CodeEmitter code = b.Code32At(Code32);
            code.Code.db(0x0F, 0x01, form.Opcode());
            code.Code.ud2();
        });
        Assert.Equal(0UL, machine.Word(result));
        Assert.Equal((6u, Code32 + 3), (machine.Exception().Vector, machine.Exception().Rip));
        Engine.Exits.ExitRecord call = machine.Interceptions().Last(record => record.Outcome == InterceptionOutcome.Served);
        Assert.Equal((1UL, 0x11UL, 0x22UL, 0x33UL, 0x8000_0044UL), (call.Value0, call.Value1, call.Value2, call.Value3, call.Value4));
    }

    [Theory, MemberData(nameof(UserCalls))]
    public void User_mode_is_not_permitted(Backend backend, GuestVendor form)
    {
        // KICK_CPU would be 0 from CPL 0. The result travels in a register: the next #UD brings it back to CPL 0.
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            result = EnterUser(b, LongModeSelectors.UserCode);
            b.At(UserCode, PageFlags.Code | PageFlags.User);
            b.Define("user");
            b.Code.mov(eax, 5);
            b.Code.mov(r12d, 0x77);
            b.Define("site");
            b.Hypercall(form);
            b.Code.ud2();
        });
        Assert.Equal(GuestCode.NotPermitted, machine.Word(result));
        Assert.Equal(
            (6u, LongModeSelectors.UserCode, machine.Image["site"] + 3),
            (machine.Exception().Vector, (ushort)machine.Exception().Cs, machine.Exception().Rip));
        // A host that runs CPL 3 on the bare processor, itself under a hypervisor, may not see the call: the outer one answers the same.
        Assert.InRange(machine.Served, form == GuestVendor.Intel ? 1 : 0, 1);
        Assert.InRange(machine.Patched, 0, form == GuestVendor.Amd ? machine.Served : 0);
        Assert.All(machine.Interceptions().Where(record => record.Linear == machine.Image["site"]), record => Assert.Equal(3, record.Cpl));
    }

    [Theory, MemberData(nameof(UserCalls))]
    public void User_mode_in_compatibility_mode_is_not_permitted(Backend backend, GuestVendor form)
    {
        const ulong Code32 = 0x30_0000;
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            result = EnterUser(b, LongModeSelectors.UserCode32);
            CodeEmitter code = b.Code32At(Code32, PageFlags.Code | PageFlags.User);
            code.Define("user");
            code.Code.mov(eax, 5);
            code.Code.db(0x0F, 0x01, form.Opcode());
            code.Code.ud2();
        });
        Assert.Equal(0xFFFF_FFFFUL, machine.Word(result));
        Assert.Equal((1, form == GuestVendor.Amd ? 1 : 0), (machine.Served, machine.Patched));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void User_mode_on_read_only_text_faults_faithfully(Backend backend)
    {
        // In compatibility mode: in 64-bit mode, some hosts do not see VMMCALL at CPL 3.
        const ulong Code32 = 0x30_0000;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                EnterUser(b, LongModeSelectors.UserCode32);
                CodeEmitter code = b.Code32At(Code32, PageFlags.ReadOnlyCode | PageFlags.User);
                code.Define("user");
                code.Code.mov(eax, 5);
                code.Define("site");
                code.Code.vmmcall();
                code.Code.ud2();
            },
            policy: PatchPolicy.Faithful);
        ExceptionRecord exception = machine.Exception();
        Assert.Equal(
            (14u, 7UL, machine.Image["site"], machine.Image["site"], LongModeSelectors.UserCode32),
            (exception.Vector, exception.ErrorCode, exception.Cr2, exception.Rip, (ushort)exception.Cs));
    }

    [Theory, MemberData(nameof(Backends.AllWithVendors), MemberType = typeof(Backends))]
    public void Top_of_the_canonical_space(Backend backend, GuestVendor form)
    {
        // The call runs, and only then is the next instruction's address found to be none.
        const ulong Site = 0x7FFF_FFFF_FFFD;
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            result = CallAcross(b, Site, form);
        });
        ExceptionRecord exception = machine.Exception();
        Assert.Equal(GuestCode.NoSuchCall, machine.Word(result));
        Assert.Equal((13u, 1u, 0UL, 0x8000_0000_0000UL), (exception.Vector, exception.Count, exception.ErrorCode, exception.Rip));
        Assert.Equal(1, machine.Served);
    }

    [Theory, MemberData(nameof(Backends.AllWithVendors), MemberType = typeof(Backends))]
    public void Last_bytes_of_the_address_space(Backend backend, GuestVendor form)
    {
        // RIP goes round to 0, where nothing is mapped.
        const ulong Site = 0xFFFF_FFFF_FFFF_FFFD;
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(backend, b => result = CallAcross(b, Site, form));
        ExceptionRecord exception = machine.Exception();
        Assert.Equal(GuestCode.NoSuchCall, machine.Word(result));
        Assert.Equal((14u, 0UL, 0UL), (exception.Vector, exception.Rip, exception.Cr2));
        Assert.Equal(1, machine.Served);
    }

    [Theory, MemberData(nameof(HighHalf))]
    public void Any_canonical_address(Backend backend, ulong linear)
    {
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            result = b.Reserve(8);
            b.CallAt(linear);
            b.StoreRax(result);
            b.Exit(0);
            b.At(linear);
            b.Define("site");
            b.Hypercall(GuestVendor.Amd);
            b.Code.ret();
        });
        Assert.Equal(GuestCode.NoSuchCall, machine.Word(result));
        Assert.Equal([InterceptionOutcome.Patched, InterceptionOutcome.Served], machine.OutcomesAt(linear));
    }

    private static ulong CallAcross(LongModeImageBuilder b, ulong linear, GuestVendor form)
    {
        ulong result = b.Reserve(8);
        b.ExpectException("end");
        b.Code.mov(rbx, linear);
        b.Code.mov(eax, 0x1234);
        b.Code.jmp(rbx);
        b.Define("end");
        b.StoreRax(result);
        b.Exit(0);
        b.At(linear);
        b.Define("site");
        b.Hypercall(form);
        return result;
    }

    // Goes to CPL 3, at the name "user"; the next exception stores RAX and ends the guest.
    private static ulong EnterUser(LongModeImageBuilder b, ushort selector)
    {
        ulong result = b.Reserve(8);
        b.ExpectException("back");
        if (selector == LongModeSelectors.UserCode32)
        {
            b.EnterUser("user", UserStack32, selector);
            b.Protect(UserStack32 - 8, PageFlags.Data | PageFlags.User);
        }
        else
        {
            b.EnterUser("user", UserStack, selector);
            b.MapNew(UserStack - 8, 1, PageFlags.Data | PageFlags.User);
        }

        b.Define("back");
        b.StoreRax(result);
        b.Exit(0);
        return result;
    }
}
