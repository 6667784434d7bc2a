using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Interception;

/// <summary>One hypercall in its own form, in the other's, again and again, across changes of vendor.</summary>
public sealed class BasicInterceptionTests
{
    public static MatrixTheoryData<Backend, long> UnknownNumbers => Backends.With<long>(0, 2, 3, 4, 6, 7, 8, 12, 13, 0x1234, -1, 1L << 32);

    [Theory, MemberData(nameof(Backends.AllWithVendors), MemberType = typeof(Backends))]
    public void Own_form_is_served_without_a_patch(Backend backend, GuestVendor vendor)
    {
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                result = b.Reserve(8);
                b.Code.mov(eax, 1);
                b.Define("site");
                b.Hypercall(vendor);
                b.StoreRax(result);
                b.Exit(0);
            },
            vendor);
        Assert.Equal(0UL, machine.Word(result));
        Assert.Equal([InterceptionOutcome.Served], machine.OutcomesAt(machine.Image["site"]));
        HypercallSite site = machine.Site("site");
        Assert.Equal((1, 0, 0), (site.Calls, site.Patches, site.Attempts));
        Assert.Empty(site.History);
        Assert.Equal([0x0F, 0x01, vendor.Opcode()], machine.Bytes("site", 3));
    }

    [Theory, MemberData(nameof(Backends.AllWithVendors), MemberType = typeof(Backends))]
    public void Wrong_form_is_patched_once_and_then_served(Backend backend, GuestVendor vendor)
    {
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                result = b.Reserve(8);
                b.Code.mov(eax, 1);
                b.Define("site");
                b.Hypercall(vendor.Other());
                b.StoreRax(result);
                b.Exit(0);
            },
            vendor);
        Assert.Equal(0UL, machine.Word(result));
        ulong linear = machine.Image["site"];
        Assert.Equal([InterceptionOutcome.Patched, InterceptionOutcome.Served], machine.OutcomesAt(linear));
        Assert.Equal([0x0F, 0x01, vendor.Opcode()], machine.Bytes("site", 3));

        HypercallSite site = machine.Site("site");
        Assert.Equal((1, 1, 1), (site.Calls, site.Patches, site.Attempts));
        Assert.Equal(machine.Image.Physical(linear + 2), site.Physical);
        Assert.Equal(vendor.Cpu(), site.LastVendor);
        PatchEvent patch = Assert.Single(site.History);
        Assert.Equal([0x0F, 0x01, vendor.Other().Opcode()], patch.Before.ToArray());
        Assert.Equal([0x0F, 0x01, vendor.Opcode()], patch.After.ToArray());
        Assert.Equal(
            (0, PatchPolicy.Force, vendor.Cpu().Id, InterceptionOutcome.Patched, 0, 1),
            (patch.Processor, patch.Policy, patch.Vendor, patch.Outcome, patch.Epoch, patch.Count));

        ExitRecord record = machine.Interceptions()[0];
        Assert.Equal(ExitReason.InvalidOpcode, record.Reason);
        Assert.Equal((3, 2, vendor.Other().Opcode(), vendor.Opcode()), (record.Length, record.PatchOffset, record.Before, record.After));
        Assert.Equal((linear, linear), (record.Rip, record.Linear));
    }

    [Theory, MemberData(nameof(Backends.AllWithVendors), MemberType = typeof(Backends))]
    public void Site_is_patched_once_in_a_thousand_executions(Backend backend, GuestVendor vendor)
    {
        ulong right = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                Assembler c = b.Code;
                right = b.Reserve(8);
                Label again = c.CreateLabel(), wrong = c.CreateLabel();
                c.mov(r12d, 1000);
                c.Label(ref again);
                c.mov(eax, 0x1234);
                b.Define("site");
                b.Hypercall(vendor.Other());
                c.cmp(rax, -1000);
                c.jne(wrong);
                c.inc(__qword_ptr[right]);
                c.Label(ref wrong);
                c.dec(r12d);
                c.jne(again);
                b.Exit(0);
            },
            vendor);
        Assert.Equal(1000UL, machine.Word(right));
        Assert.Equal((1000, 1), (machine.Served, machine.Patched));
        HypercallSite site = machine.Site("site");
        Assert.Equal((1000, 1, 1), (site.Calls, site.Patches, site.Attempts));
        Assert.Equal(1000, machine.Machine.Journal.Processors[0].CountOfHypercall(Engine.Hypercalls.HypercallNumber.TableSize));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Sites_follow_the_vendor_lazily_and_only_where_they_are_executed(Backend backend)
    {
        // Even sites are executed in every phase, odd ones in the first and the last only. A phase ends with an exit to port 0x80.
        const int Sites = 64;
        ulong wrong = 0, phase = 0;
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            wrong = b.Reserve(8);
            phase = b.Reserve(8);
            for (int i = 0; i < 3; i++)
            {
                for (int site = 0; site < Sites; site++)
                {
                    if (i != 1 || site % 2 == 0)
                    {
                        b.Call($"site_{site}");
                    }
                }

                Label wait = c.CreateLabel();
                c.inc(__qword_ptr[phase]);
                c.Label(ref wait);
                c.pause();
                c.cmp(__dword_ptr[phase + 4], i);
                c.je(wait);
            }

            b.Exit(0);
            for (int site = 0; site < Sites; site++)
            {
                Label ok = c.CreateLabel();
                b.Define($"site_{site}");
                c.mov(eax, 1);
                b.Define($"call_{site}");
                b.Hypercall(GuestVendor.Intel);
                c.test(rax, rax);
                c.je(ok);
                c.inc(__qword_ptr[wrong]);
                c.Label(ref ok);
                c.ret();
            }
        });

        machine.Machine.Run();
        machine.WaitUntil(() => (uint)machine.Word(phase) == 1, "the first phase was over");
        Assert.Equal((64, 0), (machine.Served, machine.Patched));
        Switch(1, GuestVendor.Amd, 2);
        Assert.Equal((96, 32), (machine.Served, machine.Patched));
        for (int site = 0; site < Sites; site++)
        {
            Assert.Equal([0x0F, 0x01, site % 2 == 0 ? (byte)0xD9 : (byte)0xC1], machine.Bytes($"call_{site}", 3));
        }

        Switch(2, GuestVendor.Intel, 3);
        // Those that slept through the time as AMD still have the right form.
        Assert.Equal((160, 64), (machine.Served, machine.Patched));
        Release(3);
        machine.WaitForEnd(expected: 1);
        Assert.Equal(0UL, machine.Word(wrong));
        for (int site = 0; site < Sites; site++)
        {
            HypercallSite one = machine.Site($"call_{site}");
            Assert.Equal(site % 2 == 0 ? (3, 2) : (2, 0), (one.Calls, one.Patches));
            Assert.Equal(site % 2 == 0 ? [1, 2] : [], one.History.Select(patch => patch.Epoch));
        }

        void Switch(int number, GuestVendor vendor, uint next)
        {
            Assert.NotNull(machine.Machine.SwitchVendor(vendor.Cpu()));
            Assert.Equal(number, machine.Machine.Epoch);
            Release((uint)number);
            machine.WaitUntil(() => (uint)machine.Word(phase) == next, $"phase {next} was over");
        }

        void Release(uint number) => Assert.True(machine.Machine.Memory.TryWrite(phase + 4, BitConverter.GetBytes(number)));
    }

    [Theory, MemberData(nameof(UnknownNumbers))]
    public void Unknown_numbers_get_ENOSYS(Backend backend, long number)
    {
        ulong results = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            results = b.Reserve(16);
            b.Code.mov(rax, (ulong)number);
            b.Hypercall(GuestVendor.Intel);
            b.StoreRax(results);
            b.Code.mov(rax, (ulong)number);
            b.Hypercall(GuestVendor.Amd);
            b.StoreRax(results + 8);
            b.Exit(0);
        });
        Assert.Equal([GuestCode.NoSuchCall, GuestCode.NoSuchCall], machine.Words(results, 2));
        Assert.Equal((2, 1), (machine.Served, machine.Patched));
        Assert.Equal((ulong)number, machine.Interceptions()[0].Value0);
    }

    [Theory, MemberData(nameof(Backends.AllWithVendors), MemberType = typeof(Backends))]
    public void Call_changes_nothing_but_RAX_and_RIP(Backend backend, GuestVendor form)
    {
        // Every register and all flags before and after; 128 bytes below RSP are the caller's own (the red zone of the System V ABI)
        // as far as the guest's own #UD handler would leave them alone, so they are not looked at in the wrong form.
        AssemblerRegister64[] registers = [rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15];
        const ulong Pattern = 0x1122_3344_5566_7788;
        const ulong Flags = 0x8D5; // CF, PF, AF, ZF, SF, OF
        ulong after = 0, stack = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            Assembler c = b.Code;
            after = b.Reserve(8 * 18);
            stack = b.Reserve(8);
            c.mov(__qword_ptr[stack], rsp);
            for (int i = 0; i < registers.Length; i++)
            {
                c.mov(registers[i], Pattern + (ulong)i);
            }

            c.mov(rax, Flags | 2);
            c.push(rax);
            c.mov(eax, 0x1234);
            c.popfq();
            b.Hypercall(form);
            b.StoreRax(after);
            c.mov(__qword_ptr[after + 8], rsp);
            c.pushfq();
            c.pop(__qword_ptr[after + 16]);
            for (int i = 0; i < registers.Length; i++)
            {
                c.mov(__qword_ptr[after + 24 + ((ulong)i * 8)], registers[i]);
            }

            b.Exit(0);
        });
        Assert.Equal(GuestCode.NoSuchCall, machine.Word(after));
        Assert.Equal(machine.Word(stack), machine.Word(after + 8));
        // Neither TF nor RF may be left behind.
        Assert.Equal(Flags | 2, machine.Word(after + 16));
        Assert.Equal(Enumerable.Range(0, registers.Length).Select(i => Pattern + (ulong)i), machine.Words(after + 24, registers.Length));
        ExitRecord record = machine.Interceptions()[^1];
        Assert.Equal(
            (0x1234UL, Pattern, Pattern + 1, Pattern + 2, Pattern + 3, GuestCode.NoSuchCall),
            (record.Value0, record.Value1, record.Value2, record.Value3, record.Value4, record.Result));
    }

    [Theory, MemberData(nameof(Backends.AllWithVendors), MemberType = typeof(Backends))]
    public void Forms_in_a_row_are_all_served(Backend backend, GuestVendor vendor)
    {
        // No instruction between them, the first one the guest's very first.
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                for (int i = 0; i < 8; i++)
                {
                    b.Hypercall(i % 2 == 0 ? GuestVendor.Amd : GuestVendor.Intel);
                }

                b.Exit(0);
            },
            vendor);
        Assert.Equal((8, 4), (machine.Served, machine.Patched));
    }
}
