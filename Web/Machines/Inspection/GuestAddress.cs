using System.Globalization;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Machine;

namespace Hyperpatch.Web.Machines.Inspection;

/// <summary>
/// An address as a person types it: hexadecimal with or without 0x, a register (rip, rsp, cr3 ...), or a site (#3, site 3), and behind it + or -
/// and a hexadecimal number.
/// </summary>
public static class GuestAddress
{
    /// <summary>How to write one, for help texts and errors.</summary>
    public const string Form = "a hexadecimal number (0x100000), a register (rip, rsp, cr3), a site (#3), or one of these with +/- a hexadecimal number";

    private const int Longest = 64;

    /// <summary>Understands an address.</summary>
    /// <param name="text">As typed.</param>
    /// <param name="snapshot">Registers, or null where the processor has not run yet.</param>
    /// <param name="site">Gives the linear address of a site by its number.</param>
    /// <param name="address">The address.</param>
    /// <param name="error">Why it was not understood.</param>
    public static bool TryParse(string? text, ProcessorSnapshot? snapshot, Func<int, ulong?> site, out ulong address, out string error)
    {
        ArgumentNullException.ThrowIfNull(site);
        address = 0;
        error = "";
        string whole = (text ?? "").Replace(" ", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal);
        if (whole.Length is 0 or > Longest)
        {
            error = $"Write an address: {Form}.";
            return false;
        }

        int sign = whole.IndexOfAny(['+', '-'], 1);
        string head = sign < 0 ? whole : whole[..sign];
        ulong offset = 0;
        if (sign > 0 && !TryHex(whole[(sign + 1)..], out offset))
        {
            error = $"\"{whole[(sign + 1)..]}\" is no hexadecimal number.";
            return false;
        }

        if (!TryBase(head, snapshot, site, out address, out error))
        {
            return false;
        }

        address = sign > 0 && whole[sign] == '-' ? address - offset : address + offset;
        return true;
    }

    private static bool TryBase(string head, ProcessorSnapshot? snapshot, Func<int, ulong?> site, out ulong address, out string error)
    {
        error = "";
        string name = head.ToLowerInvariant();
        if (name.StartsWith('#') || name.StartsWith("site", StringComparison.Ordinal))
        {
            string number = name[(name[0] == '#' ? 1 : 4)..];
            address = 0;
            if (int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int id) && site(id) is { } found)
            {
                address = found;
                return true;
            }

            error = $"There is no hypercall site \"{number}\".";
            return false;
        }

        if (IsRegister(name))
        {
            address = snapshot is null ? 0 : Register(name, snapshot) ?? 0;
            error = snapshot is null ? $"The processor has not run yet, so {name} is not known." : "";
            return snapshot is not null;
        }

        if (TryHex(name, out address))
        {
            return true;
        }

        error = $"\"{head}\" is no address. Write {Form}.";
        return false;
    }

    private static bool IsRegister(string name) => Register(name, s_none) is not null;

    private static readonly ProcessorSnapshot s_none = new() { At = default, Registers = default, System = default, CodeBits = 64, Cpl = 0 };

    private static ulong? Register(string name, ProcessorSnapshot snapshot)
    {
        GuestRegisters r = snapshot.Registers;
        SystemRegisters s = snapshot.System;
        return name switch
        {
            "rip" => snapshot.CodeBits == 64 ? r.Rip : (uint)(r.Rip + s.Cs.Base),
            "rsp" => r.Rsp,
            "rbp" => r.Rbp,
            "rax" => r.Rax,
            "rbx" => r.Rbx,
            "rcx" => r.Rcx,
            "rdx" => r.Rdx,
            "rsi" => r.Rsi,
            "rdi" => r.Rdi,
            "r8" => r.R8,
            "r9" => r.R9,
            "r10" => r.R10,
            "r11" => r.R11,
            "r12" => r.R12,
            "r13" => r.R13,
            "r14" => r.R14,
            "r15" => r.R15,
            "cr2" => s.Cr2,
            "cr3" => s.Cr3 & 0x000F_FFFF_FFFF_F000,
            "gdt" or "gdtr" => s.Gdt.Base,
            "idt" or "idtr" => s.Idt.Base,
            _ => null,
        };
    }

    private static bool TryHex(string text, out ulong value)
    {
        ReadOnlySpan<char> digits = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text.AsSpan(2) : text;
        return ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
