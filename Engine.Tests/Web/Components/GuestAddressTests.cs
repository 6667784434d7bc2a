using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Web.Machines.Inspection;

namespace Hyperpatch.Engine.Tests.Web.Components;

/// <summary>Addresses as people type them.</summary>
public sealed class GuestAddressTests
{
    private static readonly ProcessorSnapshot s_snapshot = new()
    {
        At = default,
        Registers = new GuestRegisters { Rip = 0x100, Rsp = 0x8000, R10 = 0xABC },
        System = new SystemRegisters { Cr3 = 0x1018, Cs = new SegmentRegister { Base = 0xF0000 } },
        CodeBits = 64,
        Cpl = 0,
    };

    [Theory]
    [InlineData("0x1000", 0x1000)]
    [InlineData("1000", 0x1000)]
    [InlineData("ffff_8000_0000_0000", 0xFFFF_8000_0000_0000)]
    [InlineData(" RIP ", 0x100)]
    [InlineData("rip+10", 0x110)]
    [InlineData("rsp - 0x8", 0x7FF8)]
    [InlineData("r10", 0xABC)]
    [InlineData("cr3", 0x1000)]
    [InlineData("#2", 0x5000)]
    [InlineData("site 2 + 3", 0x5003)]
    [InlineData("0-1", ulong.MaxValue)]
    public void What_is_understood(string text, ulong address)
    {
        Assert.True(GuestAddress.TryParse(text, s_snapshot, id => id == 2 ? 0x5000 : null, out ulong parsed, out string error), error);
        Assert.Equal(address, parsed);
    }

    [Theory]
    [InlineData("", "Write an address")]
    [InlineData(null, "Write an address")]
    [InlineData("nowhere", "\"nowhere\" is no address")]
    [InlineData("0x", "is no address")]
    [InlineData("12345678901234567", "is no address")]
    [InlineData("-1", "is no address")]
    [InlineData("rip+", "is no hexadecimal number")]
    [InlineData("rip+1+1", "is no hexadecimal number")]
    [InlineData("rip+zz", "\"zz\" is no hexadecimal number")]
    [InlineData("#9", "no hypercall site \"9\"")]
    [InlineData("#", "no hypercall site \"\"")]
    [InlineData("#-1", "no hexadecimal number|no hypercall site")]
    public void What_is_not_understood_is_told(string? text, string part)
    {
        Assert.False(GuestAddress.TryParse(text, s_snapshot, _ => null, out _, out string error));
        Assert.Contains(part.Split('|'), one => error.Contains(one, StringComparison.Ordinal));
    }

    [Fact]
    public void Code_that_is_not_64_bit_has_its_segment() =>
        Assert.True(GuestAddress.TryParse("rip", s_snapshot with { CodeBits = 16 }, _ => null, out ulong address, out _) && address == 0xF0100);

    [Fact]
    public void Registers_of_a_processor_that_has_not_run_are_not_known()
    {
        Assert.False(GuestAddress.TryParse("rsp", null, _ => null, out _, out string error));
        Assert.Contains("has not run yet", error, StringComparison.Ordinal);
    }
}
