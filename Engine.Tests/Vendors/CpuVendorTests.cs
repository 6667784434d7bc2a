using System.Text;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Engine.Vendors;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Vendors;

/// <summary>What each vendor is: identity, exit codes, hypercall instruction.</summary>
public sealed class CpuVendorTests
{
    // Reason, VMX, SVM: the codes of Intel SDM vol. 3 appendix C and AMD APM vol. 2 appendix C.
    public static TheoryData<ExitReason, uint, uint> Codes => new()
    {
        { ExitReason.InvalidOpcode, 0, 0x46 },
        { ExitReason.Hypercall, 18, 0x81 },
        { ExitReason.PortIo, 30, 0x7B },
        { ExitReason.Mmio, 48, 0x400 },
        { ExitReason.Cpuid, 10, 0x72 },
        { ExitReason.MsrRead, 31, 0x7C },
        { ExitReason.MsrWrite, 32, 0x7C },
        { ExitReason.Halt, 12, 0x78 },
        { ExitReason.Shutdown, 2, 0x7F },
        { ExitReason.Interrupted, 1, 0x60 },
    };

    // Bytes, 64-bit code, vendor (null: none), length.
    public static TheoryData<string, bool, GuestVendor?, int> Instructions => new()
    {
        { "0F01C1", true, GuestVendor.Intel, 3 },
        { "0F01D9", true, GuestVendor.Amd, 3 },
        { "0F01C1", false, GuestVendor.Intel, 3 },
        { "480F01D9", true, GuestVendor.Amd, 4 },
        { "480F01D9", false, null, 0 }, // DEC EAX
        { "660F01C1", true, GuestVendor.Intel, 4 },
        { "670F01C1", false, GuestVendor.Intel, 4 },
        { "2E0F01D9", true, GuestVendor.Amd, 4 },
        { "2E66670F01D9", false, GuestVendor.Amd, 6 },
        { "F00F01C1", true, null, 0 },
        { "F20F01C1", true, null, 0 },
        { "F30F01D9", true, null, 0 },
        { "66F30F01D9", true, null, 0 },
        { "0F01C0", true, null, 0 },
        { "0F01C2", true, null, 0 },
        { "0F01D8", true, null, 0 },
        { "0F01DA", true, null, 0 },
        { "0F01", true, null, 0 },
        { "0F", true, null, 0 },
        { "", true, null, 0 },
        { "0F0B", true, null, 0 },
        { "900F01C1", true, null, 0 },
        { "6666666666666666666666660F01C1", true, GuestVendor.Intel, 15 },
        { "666666666666666666666666660F01C1", true, null, 0 },
    };

    [Theory, MemberData(nameof(Codes))]
    public void Native_codes(ExitReason reason, uint vmx, uint svm)
    {
        Assert.Equal((vmx, svm), (reason.Native(CpuVendor.Intel).Code, reason.Native(CpuVendor.Amd).Code));
        Assert.NotEmpty(reason.Native(CpuVendor.Intel).Name);
        Assert.NotEmpty(reason.Native(CpuVendor.Amd).Name);
    }

    [Fact]
    public void Every_reason_has_a_name_and_native_codes()
    {
        foreach (ExitReason reason in Enum.GetValues<ExitReason>())
        {
            Assert.Equal(reason.ToString(), reason.Name());
            Assert.All(CpuVendor.All, vendor => Assert.NotEmpty(reason.Native(vendor).Name));
        }
    }

    [Theory, MemberData(nameof(Instructions))]
    public void Hypercalls_are_found_by_their_bytes(string code, bool is64Bit, GuestVendor? vendor, int length)
    {
        byte[] bytes = Convert.FromHexString(code);
        Assert.Equal(vendor?.Cpu(), CpuVendor.FindHypercall(bytes, is64Bit, out int found));
        HypercallDecoder decoder = new();
        bytes.AsSpan(0, Math.Min(15, bytes.Length)).CopyTo(decoder.Buffer);
        decoder.Decode(Math.Min(15, bytes.Length), is64Bit ? 64 : 32);
        Assert.Equal(vendor?.Cpu(), decoder.Form);
        if (vendor is not null)
        {
            Assert.Equal((length, length), (found, decoder.Length));
        }
    }

    [Theory]
    [InlineData("0F01", 2, true)]
    [InlineData("0F", 1, true)]
    [InlineData("66", 1, true)]
    [InlineData("0F01C1", 3, false)]
    [InlineData("0F0B", 2, false)]
    [InlineData("48B8", 2, true)]
    public void Unfinished_instructions_ask_for_more(string code, int available, bool needsMore)
    {
        HypercallDecoder decoder = new();
        Convert.FromHexString(code).CopyTo(decoder.Buffer);
        decoder.Decode(available, 64);
        Assert.Equal(needsMore, decoder.NeedsMoreBytes);
    }

    [Theory]
    [InlineData("intel", GuestVendor.Intel)]
    [InlineData("AMD", GuestVendor.Amd)]
    [InlineData("Amd", GuestVendor.Amd)]
    [InlineData("via", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void Names(string? text, GuestVendor? vendor)
    {
        Assert.Equal(vendor is not null, CpuVendor.TryParse(text, out CpuVendor? found));
        Assert.Equal(vendor?.Cpu(), found);
    }

    [Theory, MemberData(nameof(Backends.AllWithVendors), MemberType = typeof(Backends))]
    public void Guest_sees_the_vendors_identity(Backend backend, GuestVendor vendor)
    {
        // Leaves 0, 1, 0x80000000, 0x80000002 to 4, 0x40000000, 0x40000001.
        uint[] leaves = [0, 1, 0x8000_0000, 0x8000_0001, 0x8000_0002, 0x8000_0003, 0x8000_0004, 0x4000_0000, 0x4000_0001];
        ulong table = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                table = b.Reserve(16 * leaves.Length);
                for (int i = 0; i < leaves.Length; i++)
                {
                    ulong at = table + ((ulong)i * 16);
                    b.Code.mov(eax, leaves[i]);
                    b.Code.xor(ecx, ecx);
                    b.Code.cpuid();
                    b.Code.mov(__dword_ptr[at], eax);
                    b.Code.mov(__dword_ptr[at + 4], ebx);
                    b.Code.mov(__dword_ptr[at + 8], ecx);
                    b.Code.mov(__dword_ptr[at + 12], edx);
                }

                b.Exit(0);
            },
            vendor);
        Dictionary<uint, (uint A, uint B, uint C, uint D)> seen = leaves.Select((leaf, i) => (leaf, words: machine.Words(table + ((ulong)i * 16), 2)))
            .ToDictionary(x => x.leaf, x => ((uint)x.words[0], (uint)(x.words[0] >> 32), (uint)x.words[1], (uint)(x.words[1] >> 32)));
        string name = vendor == GuestVendor.Intel ? "GenuineIntel" : "AuthenticAMD";
        Assert.Equal(name, Text(seen[0].B, seen[0].D, seen[0].C));
        Assert.Equal(vendor == GuestVendor.Intel ? "\0\0\0\0\0\0\0\0\0\0\0\0" : name, Text(seen[0x8000_0000].B, seen[0x8000_0000].D, seen[0x8000_0000].C));
        Assert.Equal(vendor.Cpu().Signature, seen[1].A);
        Assert.True((seen[1].C & (1u << 31)) != 0, "hypervisor bit");
        Assert.True((seen[1].C & (1u << 5)) == 0, "VMX is hidden");
        Assert.True((seen[0x8000_0001].C & (1u << 2)) == 0, "SVM is hidden");
        string brand = string.Concat(((uint[])[0x8000_0002, 0x8000_0003, 0x8000_0004])
            .Select(leaf => Text(seen[leaf].A, seen[leaf].B, seen[leaf].C, seen[leaf].D))).TrimEnd('\0');
        Assert.Equal(vendor.Cpu().Brand, brand);
        Assert.Equal("KVMKVMKVM\0\0\0", Text(seen[0x4000_0000].B, seen[0x4000_0000].C, seen[0x4000_0000].D));
        Assert.Equal((0x4000_0001u, (1u << 7) | (1u << 11) | (1u << 13)), (seen[0x4000_0000].A, seen[0x4000_0001].A));
    }

    private static string Text(params uint[] registers) =>
        Encoding.ASCII.GetString([.. registers.SelectMany(BitConverter.GetBytes)]);
}
