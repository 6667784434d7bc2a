using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Interception;

/// <summary>Sites and the guest's page tables: what may be written, what may be fetched, and what the guest gets where it may not.</summary>
public sealed class PagingTests
{
    private const uint PresentWrite = 3;
    private const uint Fetch = 0x10;
    private const uint PresentFetch = 0x11;
    private const ulong WriteProtect = 1 << 16;
    private const ulong Page = LongModeLayout.Text + 0x20000;
    private const ulong NextPage = Page + 0x1000;
    private const ulong Elsewhere = 0x1_2345_6000;

    public static MatrixTheoryData<Backend, PatchPolicy> Policies => Backends.With(Enum.GetValues<PatchPolicy>());

    public static TheoryData<Backend, int, GuestVendor, PatchPolicy> Crossings
    {
        get
        {
            TheoryData<Backend, int, GuestVendor, PatchPolicy> rows = [];
            foreach (Backend backend in Enum.GetValues<Backend>())
            {
                foreach (int offset in (int[])[0xFFD, 0xFFE, 0xFFF])
                {
                    rows.Add(backend, offset, GuestVendor.Intel, PatchPolicy.Force);
                    rows.Add(backend, offset, GuestVendor.Amd, PatchPolicy.Faithful);
                    rows.Add(backend, offset, GuestVendor.Amd, PatchPolicy.Emulate);
                }
            }

            return rows;
        }
    }

    public static MatrixTheoryData<Backend, int> TwoPages => Backends.With(0xFFE, 0xFFF);

    [Theory, MemberData(nameof(Policies))]
    public void Read_only_text_under_each_policy(Backend backend, PatchPolicy policy)
    {
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b => result = CallSite(b, Page + 0x123, PageFlags.ReadOnlyCode),
            policy: policy);
        ExceptionRecord exception = machine.Exception();
        (InterceptionOutcome outcome, uint vector, uint error, ulong cr2) = policy switch
        {
            PatchPolicy.Force => (InterceptionOutcome.Patched, 0u, 0u, 0ul),
            PatchPolicy.Emulate => (InterceptionOutcome.Emulated, 0u, 0u, 0ul),
            PatchPolicy.Faithful => (InterceptionOutcome.PageFault, 14u, PresentWrite, Page + 0x123),
            _ => (InterceptionOutcome.Injected, 6u, 0u, 0ul),
        };
        Assert.Equal(outcome, machine.OutcomesAt(Page + 0x123)[0]);
        Assert.Equal(policy == PatchPolicy.Force ? (byte)0xC1 : (byte)0xD9, machine.Bytes("site", 3)[2]);
        Assert.Equal(vector, exception.Vector);
        if (vector == 0)
        {
            Assert.Equal(0u, exception.Count);
            Assert.Equal(GuestCode.NoSuchCall, machine.Word(result));
            Assert.Equal(1, machine.Served);
        }
        else
        {
            Assert.Equal((1u, error, cr2, Page + 0x123), (exception.Count, exception.ErrorCode, exception.Cr2, exception.Rip));
            Assert.Equal(0, machine.Served);
        }

        Assert.Equal(1, machine.Site("site").Attempts);
        Assert.Equal(outcome, Assert.Single(machine.Site("site").History).Outcome);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Read_only_text_is_written_faithfully_when_write_protection_is_off(Backend backend)
    {
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b => result = CallSite(b, Page, PageFlags.ReadOnlyCode),
            policy: PatchPolicy.Faithful,
            image: new LongModeOptions { Cr0Clear = WriteProtect });
        Assert.Equal(GuestCode.NoSuchCall, machine.Word(result));
        Assert.Equal([InterceptionOutcome.Patched, InterceptionOutcome.Served], machine.OutcomesAt(Page));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Read_only_alias_of_a_writable_page_faults_faithfully(Backend backend)
    {
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                b.Map(Elsewhere, Page, PageFlags.ReadOnlyCode);
                result = CallSite(b, Page + 8, null, Elsewhere + 8);
            },
            policy: PatchPolicy.Faithful);
        ExceptionRecord exception = machine.Exception();
        Assert.Equal(
            (14u, PresentWrite, Elsewhere + 8, Elsewhere + 8),
            (exception.Vector, (uint)exception.ErrorCode, exception.Cr2, exception.Rip));
        Assert.Equal([0x0F, 0x01, 0xD9], machine.Bytes("site", 3));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Read_only_alias_is_patched_by_force_and_is_one_site(Backend backend)
    {
        ulong results = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            Assembler c = b.Code;
            results = b.Reserve(16);
            b.Map(Elsewhere, Page, PageFlags.ReadOnlyCode);
            c.mov(ebx, 0);
            b.CallAt(Elsewhere + 8);
            b.StoreRax(results);
            b.CallAt(Page + 8);
            b.StoreRax(results + 8);
            b.Exit(0);
            EmitSite(b, Page + 8, null);
        });
        Assert.Equal([GuestCode.NoSuchCall, GuestCode.NoSuchCall], machine.Words(results, 2));
        HypercallSite site = Assert.Single(machine.Machine.Sites.All());
        Assert.Equal((2, 1, Elsewhere + 8), (site.Calls, site.Patches, site.Linear));
    }

    [Theory, MemberData(nameof(Crossings))]
    public void Site_at_the_end_of_a_page(Backend backend, int offset, GuestVendor vendor, PatchPolicy policy)
    {
        // The second page lies elsewhere in physical memory.
        ulong linear = Elsewhere + (ulong)offset;
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(
            backend, b => result = CallSite(b, linear, PageFlags.Code, form: vendor.Other()), vendor, policy);
        Assert.Equal(GuestCode.NoSuchCall, machine.Word(result));
        bool isPatched = policy != PatchPolicy.Emulate;
        Assert.Equal(
            isPatched ? [InterceptionOutcome.Patched, InterceptionOutcome.Served] : [InterceptionOutcome.Emulated], machine.OutcomesAt(linear));
        Assert.Equal([0x0F, 0x01, (isPatched ? vendor : vendor.Other()).Opcode(), 0xC3], machine.Bytes(linear, 4));
        Assert.Equal(machine.Image.Physical(linear + 2), machine.Site("site").Physical);
    }

    [Theory, MemberData(nameof(TwoPages))]
    public void Second_page_absent_is_a_fetch_fault_at_its_start(Backend backend, int offset)
    {
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            CallSite(b, Page + (ulong)offset, null);
            b.Protect(NextPage, PageFlags.None);
        });
        ExceptionRecord exception = machine.Exception();
        Assert.Equal(
            (14u, 1u, (ulong)Fetch, NextPage, Page + (ulong)offset),
            (exception.Vector, exception.Count, exception.ErrorCode, exception.Cr2, exception.Rip));
        Assert.Equal((0, 0), (machine.Served, machine.Patched));
        Assert.Equal([0x0F, 0x01, 0xD9], machine.Bytes("site", 3));
    }

    [Theory, MemberData(nameof(TwoPages))]
    public void First_page_read_only_does_not_matter_to_a_byte_on_the_second(Backend backend, int offset)
    {
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                result = CallSite(b, Page + (ulong)offset, null);
                b.Protect(Page, PageFlags.ReadOnlyCode);
            },
            policy: PatchPolicy.Faithful);
        Assert.Equal(GuestCode.NoSuchCall, machine.Word(result));
        Assert.Equal(1, machine.Patched);
    }

    [Theory, MemberData(nameof(TwoPages))]
    public void Second_page_read_only_faults_faithfully_at_its_start(Backend backend, int offset)
    {
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                CallSite(b, Page + (ulong)offset, null);
                b.Protect(NextPage, PageFlags.ReadOnlyCode);
            },
            policy: PatchPolicy.Faithful);
        ExceptionRecord exception = machine.Exception();
        Assert.Equal(
            (14u, (ulong)PresentWrite, NextPage, Page + (ulong)offset),
            (exception.Vector, exception.ErrorCode, exception.Cr2, exception.Rip));
        Assert.Equal([0x0F, 0x01, 0xD9], machine.Bytes("site", 3));
    }

    [Theory, MemberData(nameof(Policies))]
    public void Page_without_execute_permission_is_a_fetch_fault(Backend backend, PatchPolicy policy)
    {
        using TestMachine machine = TestMachine.Run(backend, b => CallSite(b, Page, PageFlags.Data), policy: policy);
        ExceptionRecord exception = machine.Exception();
        Assert.Equal(
            (14u, (ulong)PresentFetch, Page, Page), (exception.Vector, exception.ErrorCode, exception.Cr2, exception.Rip));
        Assert.Equal((0, 0), (machine.Served, machine.Patched));
        Assert.Equal([0x0F, 0x01, 0xD9], machine.Bytes("site", 3));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Supervisor_execution_of_a_user_page_faults_under_SMEP(Backend backend)
    {
        ulong supported = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            supported = EnableCr4(b, leaf7Bit: 7, cr4Bit: 20);
            CallSite(b, Page, PageFlags.Code | PageFlags.User);
        });
        Assert.SkipUnless(machine.Word(supported) != 0, "this processor has no SMEP");
        ExceptionRecord exception = machine.Exception();
        Assert.Equal(
            (14u, (ulong)PresentFetch, Page, Page), (exception.Vector, exception.ErrorCode, exception.Cr2, exception.Rip));
        Assert.Equal((0, 0), (machine.Served, machine.Patched));
    }

    [Theory, MemberData(nameof(Policies))]
    public void Supervisor_write_to_a_user_page_faults_under_SMAP_only_when_it_is_the_guests(Backend backend, PatchPolicy policy)
    {
        ulong supported = 0, result = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                supported = EnableCr4(b, leaf7Bit: 20, cr4Bit: 21);
                result = CallSite(b, Page, PageFlags.Code | PageFlags.User);
            },
            policy: policy);
        Assert.SkipUnless(machine.Word(supported) != 0, "this processor has no SMAP");
        ExceptionRecord exception = machine.Exception();
        switch (policy)
        {
            case PatchPolicy.Faithful:
                Assert.Equal((14u, (ulong)PresentWrite, Page), (exception.Vector, exception.ErrorCode, exception.Cr2));
                break;
            case PatchPolicy.Inject:
                Assert.Equal((6u, Page), (exception.Vector, exception.Rip));
                break;
            default:
                Assert.Equal(0u, exception.Count);
                Assert.Equal(GuestCode.NoSuchCall, machine.Word(result));
                break;
        }
    }

    // Sets a bit of CR4 where CPUID leaf 7 offers it; else the guest ends at once. Returns the variable that tells.
    private static ulong EnableCr4(LongModeImageBuilder b, int leaf7Bit, int cr4Bit)
    {
        Assembler c = b.Code;
        ulong supported = b.Reserve(8);
        Label has = c.CreateLabel();
        c.mov(eax, 7);
        c.xor(ecx, ecx);
        c.cpuid();
        c.bt(ebx, (sbyte)leaf7Bit);
        c.jc(has);
        b.Exit(0);
        c.Label(ref has);
        c.inc(__qword_ptr[supported]);
        c.mov(rax, cr4);
        c.or(rax, 1 << cr4Bit);
        c.mov(cr4, rax);
        return supported;
    }

    // Calls an unknown hypercall at a site; an exception ends the guest as well, and is on record.
    private static ulong CallSite(
        LongModeImageBuilder b, ulong linear, PageFlags? flags, ulong? through = null, GuestVendor form = GuestVendor.Amd)
    {
        ulong result = b.Reserve(8);
        b.ExpectException("end");
        b.CallAt(through ?? linear);
        b.StoreRax(result);
        b.Define("end");
        b.Exit(0);
        EmitSite(b, linear, flags, form);
        return result;
    }

    private static void EmitSite(LongModeImageBuilder b, ulong linear, PageFlags? flags, GuestVendor form = GuestVendor.Amd)
    {
        // RAX holds the site's address: a number that nobody knows.
        b.At(linear, flags);
        b.Define("site");
        b.Hypercall(form);
        b.Code.ret();
    }
}
