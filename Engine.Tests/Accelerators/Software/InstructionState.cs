using System.Globalization;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Tests.Support;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>The words of <see cref="InstructionRow"/> put into a processor, and read out of it.</summary>
internal sealed class InstructionState(CpuRig rig, int bits)
{
    private const int DataWords = 16;
    private static readonly string[] s_registers =
        ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];

    private static readonly Dictionary<string, ulong> s_flags = new()
    {
        ["cf"] = 1, ["pf"] = 4, ["af"] = 0x10, ["zf"] = 0x40, ["sf"] = 0x80, ["if"] = 0x200, ["df"] = 0x400, ["of"] = 0x800, ["ac"] = 0x4_0000,
    };

    private static readonly ulong s_allFlags = s_flags.Values.Aggregate((a, b) => a | b);

    private ulong Data => bits == 16 ? 0 : CpuRig.DataArea;

    private ulong Stack => bits == 16 ? CpuRig.StackTop - 0x30000 : CpuRig.StackTop;

    /// <summary>Fills everything with values that differ.</summary>
    public void Fill()
    {
        for (int i = 0; i < s_registers.Length; i++)
        {
            ulong value = 0x0101_0101_0101_0101UL * (ulong)(0x21 + i);
            Register(i) = bits == 64 ? value : (uint)value;
        }

        rig.R.Rsi = Data;
        rig.R.Rdi = Data + 64;
        rig.R.Rsp = Stack;
        for (int i = 0; i < DataWords; i++)
        {
            rig.Write(CpuRig.DataArea + (ulong)(i * 8), 0xDDDD_DDDD_DDDD_DD00 + (ulong)i);
        }
    }

    /// <summary>All that is compared, by name.</summary>
    public Dictionary<string, ulong> Read()
    {
        Dictionary<string, ulong> state = [];
        for (int i = 0; i < s_registers.Length; i++)
        {
            state[s_registers[i]] = Register(i);
        }

        for (int i = 0; i < DataWords; i++)
        {
            state[$"m{i}"] = rig.Read(CpuRig.DataArea + (ulong)(i * 8));
        }

        foreach (string name in (string[])["es", "cs", "ss", "ds", "fs", "gs", "fsbase", "gsbase", "cr0", "cr2", "cr3", "cr4", "dr0", "dr3", "dr6",
            "dr7", "gdtbase", "gdtlimit", "tr", "ldt"])
        {
            state[name] = Get(name);
        }

        state["flags"] = rig.R.Rflags & s_allFlags;
        return state;
    }

    /// <summary>Applies words to a state.</summary>
    /// <returns>Names, and flags, that are undefined; and the exception.</returns>
    public (HashSet<string> Undefined, ulong UndefinedFlags, string? Exception) Apply(Dictionary<string, ulong> state, string words)
    {
        HashSet<string> undefined = [];
        ulong undefinedFlags = 0, flags = 0;
        bool hasFlags = false;
        string? exception = null;
        foreach (string word in words.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = word.Split('=', '|');
            if (word[0] == '#')
            {
                exception = word[1..];
            }
            else if (word[0] == '~')
            {
                undefinedFlags |= s_flags.GetValueOrDefault(word[1..]);
                undefined.Add(word[1..]);
            }
            else if (word == "none" || s_flags.ContainsKey(word))
            {
                hasFlags = true;
                flags |= s_flags.GetValueOrDefault(word);
            }
            else
            {
                ulong value = Value(parts[1]);
                state[parts[0]] = word.Contains('|', StringComparison.Ordinal) ? state[parts[0]] | value : value;
            }
        }

        if (hasFlags)
        {
            state["flags"] = flags;
        }

        return (undefined, undefinedFlags, exception);
    }

    /// <summary>Puts a state into the processor.</summary>
    public void Write(Dictionary<string, ulong> state)
    {
        foreach ((string name, ulong value) in state)
        {
            int register = Array.IndexOf(s_registers, name);
            if (register >= 0)
            {
                Register(register) = value;
            }
            else if (name[0] == 'm')
            {
                rig.Write(CpuRig.DataArea + (ulong)(Number(name) * 8), value);
            }
            else if (IsStack(name))
            {
                rig.Write(CpuRig.StackTop + (ulong)(Number(name) * 8), value);
            }
            else if (name == "flags")
            {
                rig.R.Rflags = value | 2;
            }
            else
            {
                Set(name, value);
            }
        }
    }

    /// <summary>A quadword by the stack's top.</summary>
    public ulong ReadStack(string name) => rig.Read(CpuRig.StackTop + (ulong)(Number(name) * 8));

    /// <summary>Whether a name is one of those.</summary>
    public static bool IsStack(string name) => name[0] == 's' && name[1] is '-' or >= '0' and <= '9' && name.Length > 1 && name[0] == 's';

    private static int Number(string name) => int.Parse(name[1..], CultureInfo.InvariantCulture);

    private ulong Value(string text)
    {
        ulong start = 0;
        if (text[0] is 'D' or 'S' && (text.Length == 1 || text[1] is '+' or '-'))
        {
            start = text[0] == 'D' ? Data : Stack;
            if (text.Length == 1)
            {
                return start;
            }

            ulong distance = ulong.Parse(text[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            return text[1] == '+' ? start + distance : start - distance;
        }

        return ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }

    private ref ulong Register(int index)
    {
        ref GuestRegisters r = ref rig.R;
        switch (index)
        {
            case 0: return ref r.Rax;
            case 1: return ref r.Rbx;
            case 2: return ref r.Rcx;
            case 3: return ref r.Rdx;
            case 4: return ref r.Rsi;
            case 5: return ref r.Rdi;
            case 6: return ref r.Rsp;
            case 7: return ref r.Rbp;
            case 8: return ref r.R8;
            case 9: return ref r.R9;
            case 10: return ref r.R10;
            case 11: return ref r.R11;
            case 12: return ref r.R12;
            case 13: return ref r.R13;
            case 14: return ref r.R14;
            default: return ref r.R15;
        }
    }

    private ulong Get(string name)
    {
        Cpu cpu = rig.Cpu;
        return name switch
        {
            "es" => cpu.Segments[Seg.Es].Selector,
            "cs" => cpu.Segments[Seg.Cs].Selector,
            "ss" => cpu.Segments[Seg.Ss].Selector,
            "ds" => cpu.Segments[Seg.Ds].Selector,
            "fs" => cpu.Segments[Seg.Fs].Selector,
            "gs" => cpu.Segments[Seg.Gs].Selector,
            "fsbase" => cpu.Segments[Seg.Fs].Base,
            "gsbase" => cpu.Segments[Seg.Gs].Base,
            "cr0" => cpu.Cr0,
            "cr2" => cpu.Cr2,
            "cr3" => cpu.Cr3,
            "cr4" => cpu.Cr4,
            "dr0" => cpu.Dr[0],
            "dr3" => cpu.Dr[3],
            "dr6" => cpu.Dr[6],
            "dr7" => cpu.Dr[7],
            "gdtbase" => cpu.Gdt.Base,
            "gdtlimit" => cpu.Gdt.Limit,
            "tr" => cpu.Tr.Selector,
            _ => cpu.Ldt.Selector,
        };
    }

    private void Set(string name, ulong value)
    {
        Cpu cpu = rig.Cpu;
        switch (name)
        {
            case "fsbase":
                cpu.Segments[Seg.Fs].Base = value;
                break;
            case "gsbase":
                cpu.Segments[Seg.Gs].Base = value;
                break;
            case "cr0":
                cpu.Cr0 = value;
                break;
            case "cr2":
                cpu.Cr2 = value;
                break;
            case "cr4":
                cpu.Cr4 = value;
                break;
            case "dr0":
                cpu.Dr[0] = value;
                break;
            case "dr3":
                cpu.Dr[3] = value;
                break;
        }
    }
}
