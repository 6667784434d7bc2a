using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Hyperpatch.Engine.Vendors;

/// <summary>
/// Everything that depends on the vendor of the processor that a guest sees. A new vendor is one more class
/// derived from this one and one more entry in <see cref="All"/>.
/// </summary>
public abstract class CpuVendor
{
    /// <summary>Length in bytes of either vendor's hypercall instruction without prefixes (0F 01 xx).</summary>
    public const int HypercallLength = 3;

    /// <summary>Longest instruction of the architecture in bytes.</summary>
    public const int MaximumInstructionLength = 15;

    /// <summary>The two bytes that every vendor's hypercall instruction begins with, 0F 01, the first one lowest.</summary>
    public const ushort HypercallPrefix = 0x010F;

    /// <summary>Intel (VMX, VMCALL).</summary>
    public static CpuVendor Intel { get; } = new IntelVendor();

    /// <summary>AMD (SVM, VMMCALL).</summary>
    public static CpuVendor Amd { get; } = new AmdVendor();

    /// <summary>All vendors, in the order in which they are offered.</summary>
    public static ImmutableArray<CpuVendor> All { get; } = [Intel, Amd];

    /// <summary>Name in configuration, API and command line: lower case, such as <c>intel</c>.</summary>
    public abstract string Id { get; }

    /// <summary>Name for people, such as <c>Intel</c>.</summary>
    public abstract string Name { get; }

    /// <summary>The twelve characters of CPUID leaf 0 (EBX, EDX, ECX).</summary>
    public abstract string Identity { get; }

    /// <summary>Mnemonic of this vendor's hypercall instruction.</summary>
    public abstract string HypercallMnemonic { get; }

    /// <summary>Last byte of this vendor's hypercall instruction; the first two, 0F 01, are common to both.</summary>
    public abstract byte HypercallOpcode { get; }

    /// <summary>Family, model and stepping as CPUID leaf 1 EAX states them.</summary>
    public abstract uint Signature { get; }

    /// <summary>Brand string of CPUID leaves 0x80000002 to 0x80000004, at most 47 characters.</summary>
    public abstract string Brand { get; }

    /// <summary>#UD taken by the hypervisor.</summary>
    public abstract NativeExit InvalidOpcode { get; }

    /// <summary>The vendor's hypercall instruction.</summary>
    public abstract NativeExit Hypercall { get; }

    /// <summary>IN, OUT, INS, OUTS.</summary>
    public abstract NativeExit PortIo { get; }

    /// <summary>Access to guest-physical memory without a backing page.</summary>
    public abstract NativeExit Mmio { get; }

    /// <summary>CPUID.</summary>
    public abstract NativeExit Cpuid { get; }

    /// <summary>RDMSR.</summary>
    public abstract NativeExit MsrRead { get; }

    /// <summary>WRMSR.</summary>
    public abstract NativeExit MsrWrite { get; }

    /// <summary>Access to a control register.</summary>
    /// <param name="number">0, 2, 3, 4 or 8.</param>
    /// <param name="isWrite">Whether it is written.</param>
    public abstract NativeExit ControlRegister(int number, bool isWrite);

    /// <summary>HLT.</summary>
    public abstract NativeExit Halt { get; }

    /// <summary>#DB taken by the hypervisor: breakpoint or single step.</summary>
    public abstract NativeExit Debug { get; }

    /// <summary>Triple fault or SHUTDOWN.</summary>
    public abstract NativeExit Shutdown { get; }

    /// <summary>The processor was called back by the host (external interrupt).</summary>
    public abstract NativeExit Interrupted { get; }

    /// <summary>Refusal of the guest's state, or an error inside its execution.</summary>
    public abstract NativeExit Failure { get; }

    /// <summary>Finds a vendor by its <see cref="Id"/>, without regard to case.</summary>
    /// <param name="id">The name as typed.</param>
    /// <param name="vendor">The vendor found.</param>
    /// <returns>False when no vendor has that name.</returns>
    public static bool TryParse(string? id, [NotNullWhen(true)] out CpuVendor? vendor)
    {
        foreach (CpuVendor candidate in All)
        {
            if (string.Equals(candidate.Id, id, StringComparison.OrdinalIgnoreCase))
            {
                vendor = candidate;
                return true;
            }
        }

        vendor = null;
        return false;
    }

    /// <summary>Finds the vendor whose hypercall instruction ends in the given byte.</summary>
    /// <param name="opcode">Third byte of 0F 01 xx.</param>
    /// <returns>The vendor, or null when the instruction is no hypercall.</returns>
    public static CpuVendor? FromHypercallOpcode(byte opcode) => opcode switch
    {
        IntelVendor.Opcode => Intel,
        AmdVendor.Opcode => Amd,
        _ => null,
    };

    /// <summary>
    /// Tells whether bytes begin with a hypercall instruction. Prefixes that the processor ignores (operand and address size, segments,
    /// REX) stay part of it; with LOCK, F2 or F3 the same opcode means something else.
    /// </summary>
    /// <param name="bytes">Bytes from the instruction's start.</param>
    /// <param name="is64Bit">Whether 40 to 4F are REX prefixes.</param>
    /// <param name="length">Length of the instruction, prefixes included; its last byte is the one that differs between vendors.</param>
    /// <returns>The vendor whose form it is, or null.</returns>
    public static CpuVendor? FindHypercall(ReadOnlySpan<byte> bytes, bool is64Bit, out int length)
    {
        int opcode = 0;
        while (opcode < bytes.Length && IsIgnoredPrefix(bytes[opcode], is64Bit))
        {
            opcode++;
        }

        length = opcode + HypercallLength;
        return length <= Math.Min(bytes.Length, MaximumInstructionLength) && bytes[opcode] == 0x0F && bytes[opcode + 1] == 0x01
            ? FromHypercallOpcode(bytes[opcode + 2])
            : null;
    }

    /// <summary>
    /// Changes one CPUID leaf from what the host supports into what this vendor's processor answers. Leaves that
    /// do not depend on the vendor are left alone.
    /// </summary>
    /// <param name="leaf">EAX on entry.</param>
    /// <param name="registers">The host's answer, changed in place.</param>
    public virtual void ApplyIdentity(uint leaf, ref CpuidRegisters registers)
    {
        switch (leaf)
        {
            case 0:
            case 0x8000_0000:
                // Intel leaves the extended leaf's name registers reserved (zero); AMD repeats its name there.
                if (leaf == 0 || RepeatsIdentityInExtendedLeaf)
                {
                    registers.Ebx = Pack(Identity, 0);
                    registers.Edx = Pack(Identity, 4);
                    registers.Ecx = Pack(Identity, 8);
                }
                else
                {
                    registers.Ebx = registers.Ecx = registers.Edx = 0;
                }

                break;
            case 1:
                registers.Eax = Signature;
                break;
            case >= 0x8000_0002 and <= 0x8000_0004:
                int at = (int)(leaf - 0x8000_0002) * 16;
                registers.Eax = Pack(Brand, at);
                registers.Ebx = Pack(Brand, at + 4);
                registers.Ecx = Pack(Brand, at + 8);
                registers.Edx = Pack(Brand, at + 12);
                break;
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>Whether CPUID leaf 0x80000000 repeats the name of leaf 0.</summary>
    protected abstract bool RepeatsIdentityInExtendedLeaf { get; }

    private static bool IsIgnoredPrefix(byte value, bool is64Bit) =>
        value is 0x26 or 0x2E or 0x36 or 0x3E or 0x64 or 0x65 or 0x66 or 0x67 || (is64Bit && (value & 0xF0) == 0x40);

    private static uint Pack(string text, int at)
    {
        Span<byte> four = stackalloc byte[4];
        four.Clear();
        if (at < text.Length)
        {
            Encoding.ASCII.GetBytes(text.AsSpan(at, Math.Min(4, text.Length - at)), four);
        }

        return BitConverter.ToUInt32(four);
    }
}
