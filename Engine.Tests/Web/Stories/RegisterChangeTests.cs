using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Web.Machines.Inspection;
using Hyperpatch.Web.Machines.Stepping;

namespace Hyperpatch.Engine.Tests.Web.Stories;

/// <summary>What differs between two moments of a processor.</summary>
public sealed class RegisterChangeTests
{
    private static readonly ProcessorSnapshot s_before = new()
    {
        At = default,
        Registers = new GuestRegisters { Rip = 0x1000, Rax = 5, Rflags = 0x246 },
        System = new SystemRegisters { Cr0 = 0x8000_0011 },
        CodeBits = 64,
        Cpl = 0,
    };

    [Fact]
    public void Only_what_changed_is_named_with_its_bits()
    {
        ProcessorSnapshot after = s_before with
        {
            Registers = s_before.Registers with { Rip = 0x1003, Rax = ulong.MaxValue, Rflags = 0x287 },
            System = s_before.System with { Cr0 = 0x8000_0013 },
        };

        IReadOnlyList<RegisterChange> changes = RegisterChange.Between(s_before, after);

        Assert.Equal(["RIP", "RAX", "RFLAGS", "CR0"], changes.Select(change => change.Name));
        Assert.Equal(("0000000000000005", "FFFFFFFFFFFFFFFF"), (changes[1].Before, changes[1].After));
        Assert.Equal(["CF", "SF"], changes[2].Set);
        Assert.Equal(["ZF"], changes[2].Cleared.Where(bit => bit != "PF"));
        Assert.Equal(["MP"], changes[3].Set);
        Assert.Empty(RegisterChange.Between(s_before, s_before));
    }

    [Fact]
    public void A_change_of_mode_compares_what_both_have()
    {
        ProcessorSnapshot after = s_before with { CodeBits = 32, Registers = s_before.Registers with { Rip = 0x2000, R8 = 9 } };

        RegisterChange change = Assert.Single(RegisterChange.Between(s_before, after));

        Assert.Equal(("RIP", "00002000"), (change.Name, change.After));
    }

    [Theory]
    [InlineData("RFLAGS", 9, "IF")]
    [InlineData("RFLAGS", 6, "ZF")]
    [InlineData("CR0", 0, "PE")]
    [InlineData("CR0", 16, "WP")]
    [InlineData("CR0", 31, "PG")]
    [InlineData("CR4", 5, "PAE")]
    [InlineData("CR4", 20, "SMEP")]
    [InlineData("EFER", 8, "LME")]
    [InlineData("EFER", 10, "LMA")]
    [InlineData("EFER", 12, "SVME")]
    public void Bits_have_the_manuals_names(string register, int bit, string name) =>
        Assert.Equal(name, Assert.Single(RegisterBits.Of(register), known => known.Bit == bit).Name);

    [Fact]
    public void No_bit_has_two_names()
    {
        foreach (string register in new[] { "RFLAGS", "CR0", "CR4", "EFER" })
        {
            Assert.Equal(RegisterBits.Of(register).Count, RegisterBits.Of(register).Select(bit => bit.Bit).Distinct().Count());
            Assert.Equal(RegisterBits.Of(register).Count, RegisterBits.Of(register).Select(bit => bit.Name).Distinct().Count());
        }
    }
}
