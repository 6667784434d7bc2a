using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Tests.Support;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>SYSCALL, SYSRET, SYSENTER, SYSEXIT that succeed, and where the vendors differ (Intel SDM vol. 2, AMD APM vol. 3).</summary>
public sealed class FastCallTests
{
    private const uint Star = 0xC000_0081, LongStar = 0xC000_0082, CompatStar = 0xC000_0083, FlagMask = 0xC000_0084;
    private const ulong Long = 0x18000, Compat = 0x19000, NotCanonical = 0x8000_0000_0000;
    private const ulong Selectors = ((ulong)CpuRig.Code64 << 32) | (0x1BUL << 48);

    public static MatrixTheoryData<GuestVendor, int> Callers => new(Enum.GetValues<GuestVendor>(), [32, 64]);

    [Theory, MemberData(nameof(Callers))]
    public void Syscall_from_long_mode(GuestVendor vendor, int bits)
    {
        using CpuRig rig = new(bits, vendor, cpl: 3, isLong: true);
        Prepare(rig);
        rig.Load(c => c.syscall());
        rig.R.Rflags |= 0x4_0E02;
        rig.R.Rsp = 0x1234;
        rig.Cpu.StateChanged(3);
        RigEnd end = rig.Run();
        if (vendor == GuestVendor.Intel && bits == 32)
        {
            // SDM: #UD outside 64-bit mode.
            Assert.Equal((ExitReason.InvalidOpcode, rig.Starts[0]), (end.Reason, rig.R.Rip));
            return;
        }

        Assert.Equal((ExitReason.InvalidOpcode, bits == 64 ? Long : Compat, 0, 64), (end.Reason, rig.R.Rip, rig.Cpu.Cpl, rig.Cpu.CodeBits));
        Assert.Equal((rig.End, 0x4_0E02UL, 0x1234UL), (rig.R.Rcx, rig.R.R11 & 0x4_0E02, rig.R.Rsp));
        // The mask took IF, DF and AC away.
        Assert.Equal(0x802UL, rig.R.Rflags & 0x4_0E02);
        Assert.Equal((CpuRig.Code64, CpuRig.Data), (rig.Cpu.Segments[Seg.Cs].Selector, rig.Cpu.Segments[Seg.Ss].Selector));
        Assert.Equal(0xA, rig.Cpu.Segments[Seg.Cs].Flags);
    }

    [Theory, MemberData(nameof(Callers))]
    public void Sysret_from_64_bit_mode(GuestVendor vendor, int bits)
    {
        using CpuRig rig = new(64, vendor);
        Prepare(rig);
        rig.Load(c => c.nop(), rip: Long, bits: bits);
        ulong inside = rig.End;
        rig.Load(c =>
        {
            if (bits == 64)
            {
                c.sysretq();
            }
            else
            {
                c.sysret();
            }
        });
        // Half of RIP only, for compatibility mode.
        rig.R.Rcx = bits == 64 ? Long : Long | (7UL << 32);
        rig.R.R11 = 0xFFFF_FFFF & ~0x100UL;
        RigEnd end = rig.Run();
        Assert.Equal((ExitReason.InvalidOpcode, inside, 3, bits), (end.Reason, rig.R.Rip, rig.Cpu.Cpl, rig.Cpu.CodeBits));
        Assert.Equal((bits == 64 ? CpuRig.UserCode64 : CpuRig.UserCode32, CpuRig.UserData), (rig.Cpu.Segments[Seg.Cs].Selector, rig.Cpu.Segments[Seg.Ss].Selector));
        // SDM: R11 AND 3C7FD7H, RF cleared; no VM, VIF or VIP here.
        Assert.Equal(0x24_7ED7UL, rig.R.Rflags);
    }

    /// <summary>Intel: #GP(0) of SYSRET itself, at CPL 0. AMD: SYSRET completes, and the fetch at CPL 3 is the fault.</summary>
    [Theory]
    [InlineData(GuestVendor.Intel)]
    [InlineData(GuestVendor.Amd)]
    public void Sysret_to_an_address_that_is_not_canonical(GuestVendor vendor)
    {
        using CpuRig rig = new(64, vendor);
        Prepare(rig);
        rig.Load(c => c.sysretq());
        rig.R.Rcx = NotCanonical;
        rig.R.R11 = 2;
        rig.R.Rsp = CpuRig.StackTop;
        RigEnd end = rig.Run();
        Assert.Equal(
            vendor == GuestVendor.Intel ? (13, rig.Starts[0], CpuRig.Code64) : (13, NotCanonical, CpuRig.UserCode64),
            (end.Vector, end.Rip, end.Cs));
    }

    /// <summary>APM vol. 3, SYSRET: SS gets a selector; base, limit and attributes are not changed. SDM: all of it is set.</summary>
    [Theory]
    [InlineData(GuestVendor.Intel)]
    [InlineData(GuestVendor.Amd)]
    public void What_sysret_leaves_in_a_stack_segment_that_was_null(GuestVendor vendor)
    {
        using CpuRig rig = new(64, vendor);
        Prepare(rig);
        rig.Load(c => c.nop(), rip: Long, bits: 32);
        rig.Load(c => c.sysret());
        rig.Cpu.Segments[Seg.Ss] = default;
        rig.R.Rcx = Long;
        rig.R.R11 = 2;
        Assert.Equal(ExitReason.InvalidOpcode, rig.Run().Reason);
        SegmentRegister ss = rig.Cpu.Segments[Seg.Ss];
        Assert.Equal((CpuRig.UserData, 3), (ss.Selector, ss.Dpl));
        Assert.Equal(vendor == GuestVendor.Intel ? (uint.MaxValue, 0x93) : (0u, 0), (ss.Limit, ss.Access & 0x9F));
    }

    [Fact]
    public void Syscall_and_sysret_in_protected_mode_are_AMDs()
    {
        using CpuRig rig = new(32, GuestVendor.Amd, cpl: 3);
        rig.Load(c => c.sysret(), rip: Compat);
        rig.Load(c => c.syscall());
        rig.Cpu.Efer |= 1;
        rig.SetMsr(Star, Compat | ((ulong)CpuRig.Code32 << 32) | (0x1BUL << 48));
        rig.R.Rflags |= 0x200;
        rig.Cpu.StateChanged(3);
        RigEnd end = rig.Run();
        Assert.Equal((ExitReason.InvalidOpcode, rig.End, 3), (end.Reason, rig.R.Rip, rig.Cpu.Cpl));
        Assert.Equal((rig.End, 0x200UL), (rig.R.Rcx, rig.R.Rflags & 0x200));
        Assert.Equal((CpuRig.UserCode32, CpuRig.UserData), (rig.Cpu.Segments[Seg.Cs].Selector, rig.Cpu.Segments[Seg.Ss].Selector));
    }

    /// <summary>Caller's width, and whether in long mode.</summary>
    [Theory]
    [InlineData(GuestVendor.Intel, 64, true)]
    [InlineData(GuestVendor.Intel, 32, true)]
    [InlineData(GuestVendor.Intel, 32, false)]
    [InlineData(GuestVendor.Amd, 32, false)]
    [InlineData(GuestVendor.Amd, 32, true)]
    public void Sysenter_and_sysexit(GuestVendor vendor, int bits, bool isLong)
    {
        const int First = CpuRig.Free;
        using CpuRig rig = new(bits, vendor, cpl: 3, isLong);
        rig.Load(c => c.nop(), rip: Long, bits: isLong ? 64 : 32);
        ulong inside = rig.End;
        rig.Load(c => c.sysenter());
        rig.SetMsr(0x174, First | 3);
        rig.SetMsr(0x175, CpuRig.InnerStack);
        rig.SetMsr(0x176, Long);
        rig.R.Rflags |= 0x200;
        rig.Cpu.StateChanged(3);
        RigEnd end = rig.Run();
        if (vendor == GuestVendor.Amd && isLong)
        {
            Assert.Equal((ExitReason.InvalidOpcode, rig.Starts[0]), (end.Reason, rig.R.Rip));
            return;
        }

        Assert.Equal((ExitReason.InvalidOpcode, inside, 0, isLong ? 64 : 32), (end.Reason, rig.R.Rip, rig.Cpu.Cpl, rig.Cpu.CodeBits));
        Assert.Equal((CpuRig.InnerStack, 0UL, First, First + 8), (rig.R.Rsp, rig.R.Rflags & 0x200, rig.Cpu.Segments[Seg.Cs].Selector, rig.Cpu.Segments[Seg.Ss].Selector));

        rig.Load(c => c.nop(), rip: Compat, bits: bits);
        ulong outside = rig.End;
        rig.Load(
            c =>
            {
                if (bits == 64)
                {
                    c.sysexitq();
                }
                else
                {
                    c.sysexit();
                }
            },
            bits: isLong ? 64 : 32);
        rig.R.Rdx = Compat;
        rig.R.Rcx = CpuRig.StackTop;
        end = rig.Run();
        int distance = bits == 64 ? 32 : 16;
        Assert.Equal((ExitReason.InvalidOpcode, outside, 3, bits), (end.Reason, rig.R.Rip, rig.Cpu.Cpl, rig.Cpu.CodeBits));
        Assert.Equal(
            (CpuRig.StackTop, (First + distance) | 3, (First + distance + 8) | 3),
            (rig.R.Rsp, rig.Cpu.Segments[Seg.Cs].Selector, rig.Cpu.Segments[Seg.Ss].Selector));
    }

    [Theory]
    [InlineData("rdx")]
    [InlineData("rcx")]
    public void Sysexit_checks_both_addresses(string which)
    {
        using CpuRig rig = new(64);
        rig.Load(c => c.sysexitq());
        rig.SetMsr(0x174, CpuRig.Free);
        rig.R.Rdx = which == "rdx" ? NotCanonical : Long;
        rig.R.Rcx = which == "rcx" ? NotCanonical : CpuRig.StackTop;
        rig.R.Rsp = CpuRig.StackTop;
        RigEnd end = rig.Run();
        Assert.Equal((13, 0UL, rig.Starts[0]), (end.Vector, end.Error, end.Rip));
    }

    private static void Prepare(CpuRig rig)
    {
        rig.Load(c => c.ud2(), rip: Compat, bits: 64);
        rig.Load(c => c.ud2(), rip: Long, bits: 64);
        rig.Cpu.Efer |= 1;
        rig.SetMsr(Star, Selectors);
        rig.SetMsr(LongStar, Long);
        rig.SetMsr(CompatStar, Compat);
        rig.SetMsr(FlagMask, 0x4_0600);
    }
}
