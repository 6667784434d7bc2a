using System.Globalization;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Machine;

namespace Hyperpatch.Web.Machines.Inspection;

/// <summary>A register with its value.</summary>
/// <param name="Name">Its name, such as <c>RAX</c>.</param>
/// <param name="Value">The value.</param>
/// <param name="Digits">Hexadecimal digits that it is shown with.</param>
public readonly record struct RegisterValue(string Name, ulong Value, int Digits)
{
    /// <summary>The value as it is shown: hexadecimal, with leading zeros.</summary>
    public string Text => Value.ToString("X" + Digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <summary>The registers of a processor, in the order in which they are shown. Outside 64-bit code those that it has not are left out.</summary>
    public static IReadOnlyList<RegisterValue> Of(ProcessorSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        GuestRegisters r = snapshot.Registers;
        SystemRegisters s = snapshot.System;
        bool is64Bit = snapshot.CodeBits == 64;
        int wide = is64Bit ? 16 : 8;
        List<RegisterValue> all =
        [
            new("RIP", r.Rip, wide), new("RAX", r.Rax, wide), new("RBX", r.Rbx, wide), new("RCX", r.Rcx, wide), new("RDX", r.Rdx, wide),
            new("RSI", r.Rsi, wide), new("RDI", r.Rdi, wide), new("RSP", r.Rsp, wide), new("RBP", r.Rbp, wide),
        ];
        if (is64Bit)
        {
            all.AddRange(
            [
                new("R8", r.R8, wide), new("R9", r.R9, wide), new("R10", r.R10, wide), new("R11", r.R11, wide),
                new("R12", r.R12, wide), new("R13", r.R13, wide), new("R14", r.R14, wide), new("R15", r.R15, wide),
            ]);
        }

        all.AddRange(
        [
            new("RFLAGS", r.Rflags, 8), new("CS", s.Cs.Selector, 4), new("DS", s.Ds.Selector, 4), new("ES", s.Es.Selector, 4), new("SS", s.Ss.Selector, 4),
            new("FS base", s.Fs.Base, wide), new("GS base", s.Gs.Base, wide), new("CR0", s.Cr0, 8), new("CR2", s.Cr2, wide), new("CR3", s.Cr3, wide),
            new("CR4", s.Cr4, 8), new("CR8", s.Cr8, 2), new("EFER", s.Efer, 8),
        ]);
        return all;
    }
}
