using System.Globalization;
using System.Text;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Tests.Support;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Each row of <see cref="InstructionRows"/> in each of its modes: all registers, flags and the data area against the manual.</summary>
public sealed class InstructionTableTests
{
    public static TheoryData<string, int> Rows
    {
        get
        {
            TheoryData<string, int> rows = [];
            foreach (InstructionRow row in InstructionRows.All)
            {
                foreach (int mode in row.Modes)
                {
                    rows.Add(row.Name, mode);
                }
            }

            return rows;
        }
    }

    [Theory, MemberData(nameof(Rows))]
    public void Does_what_the_manual_says(string name, int mode)
    {
        InstructionRow row = Assert.Single(InstructionRows.All, r => r.Name == name && r.Modes.Contains(mode));
        int bits = mode == 33 ? 32 : mode;
        using CpuRig rig = new(bits, row.Vendor, row.Cpl, isLong: mode == 33);
        InstructionState access = new(rig, bits);
        rig.Load(row.Emit);
        access.Fill();
        Dictionary<string, ulong> initial = access.Read(), expected = new(initial);
        access.Apply(expected, row.Before);
        access.Write(expected);
        rig.Cpu.StateChanged(row.Cpl);
        // Bits that are added behind are added to what the mode has.
        foreach (string control in (string[])["cr0", "cr4"])
        {
            expected[control] = row.After.Contains(control, StringComparison.Ordinal) ? initial[control] : expected[control];
        }

        (HashSet<string> undefined, ulong undefinedFlags, string? exception) = access.Apply(expected, row.After);

        RigEnd end = rig.Run();
        if (exception is not null)
        {
            string[] parts = exception.Split(':');
            int vector = int.Parse(parts[0], CultureInfo.InvariantCulture);
            ulong error = parts.Length > 1 ? ulong.Parse(parts[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture) : 0;
            ulong at = rig.Starts[^2];
            Assert.Equal(
                vector == 6 ? (ExitReason.InvalidOpcode, -1, 0UL, at) : (ExitReason.Halt, vector, error, at),
                (end.Reason, end.Vector, end.Error, vector == 6 ? rig.R.Rip : end.Rip));
            // The frame is on the stack.
            undefined.UnionWith(["rsp", "cs", "ss", "ds", "es", "fs", "gs"]);
            undefinedFlags = ulong.MaxValue;
        }
        else
        {
            Assert.True(end.Reason == ExitReason.InvalidOpcode && rig.R.Rip == rig.End, $"{end} at {rig.R.Rip:X}");
        }

        Dictionary<string, ulong> actual = access.Read();
        StringBuilder differences = new();
        foreach ((string word, ulong value) in expected)
        {
            ulong found = InstructionState.IsStack(word) ? access.ReadStack(word) : actual[word];
            ulong mask = word == "flags" ? ~undefinedFlags : undefined.Contains(word) ? 0 : ulong.MaxValue;
            if (((found ^ value) & mask) != 0)
            {
                differences.Append(CultureInfo.InvariantCulture, $" {word} {found & mask:X} not {value & mask:X}");
            }
        }

        Assert.True(differences.Length == 0, $"{row.Name}, {mode}:{differences}");
    }
}
