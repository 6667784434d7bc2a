using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Support;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Everything that two runs of a deterministic machine must have in common.</summary>
internal sealed class RunTrace
{
    private readonly List<string> _exits;
    private readonly List<string> _end;

    private RunTrace(List<string> exits, List<string> end)
    {
        _exits = exits;
        _end = end;
    }

    /// <summary>Number of exits.</summary>
    public int Exits => _exits.Count;

    /// <summary>The trace of a machine that is over.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="after">Only exits with greater sequence numbers.</param>
    /// <param name="instructionsBefore">Instructions that belong to an earlier run, by processor.</param>
    public static RunTrace Of(TestMachine machine, long after = 0, long[]? instructionsBefore = null)
    {
        // Single steps end in exits of their own, which are not the guest's.
        List<ExitRecord> records = [.. machine.Records().Where(record => record.Sequence > after && record.Reason != ExitReason.Debug)];
        Assert.Equal(0, machine.Machine.Journal.Dropped);
        Assert.True(machine.Machine.Journal.LastSequence - after < machine.Machine.Options.HistoryCapacity, "The history is too short for this guest.");
        List<string> exits = [.. records.Select(Describe)];
        Assert.Equal(records.Select(record => record.MachineTime).Order(), records.Select(record => record.MachineTime));
        List<string> end =
        [
            $"ended {machine.Machine.Exit}",
            $"time {machine.Machine.MachineTime}",
            $"memory {Memory(machine.Machine)}",
            $"serial {machine.Serial}",
        ];
        foreach (VirtualProcessor processor in machine.Machine.Processors)
        {
            ProcessorSnapshot snapshot = processor.Snapshot ?? throw new InvalidOperationException("It has not been looked at.");
            GuestRegisters registers = snapshot.Registers;
            SystemRegisters system = snapshot.System;
            end.Add($"#{processor.Index} instructions {processor.Instructions - (instructionsBefore?[processor.Index] ?? 0)}");
            end.Add($"#{processor.Index} registers {Convert.ToHexString(MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(ref registers, 1)))}");
            end.Add($"#{processor.Index} system {Convert.ToHexString(MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(ref system, 1)))}");
        }

        return new RunTrace(exits, end);
    }

    /// <summary>Fails at the first difference.</summary>
    public void ExpectSame(RunTrace other, string what)
    {
        for (int i = 0; i < Math.Min(_exits.Count, other._exits.Count); i++)
        {
            Assert.True(_exits[i] == other._exits[i], $"{what}: exit {i} was\n{_exits[i]}\nand is\n{other._exits[i]}");
        }

        Assert.Equal(_exits.Count, other._exits.Count);
        Assert.Equal(_end, other._end);
    }

    private static string Describe(ExitRecord r) => string.Create(
        CultureInfo.InvariantCulture,
        $"{r.MachineTime} #{r.Processor} {r.Reason} at {r.Rip:X} cpl {r.Cpl} vendor {r.Vendor} epoch {r.Epoch} {r.Outcome} {r.Bytes:X} {r.Port:X} {r.Value0:X} {r.Value1:X} {r.Value2:X} {r.Value3:X} {r.Value4:X} = {r.Result:X}");

    private static string Memory(VirtualMachine machine)
    {
        byte[] memory = new byte[machine.Options.MemoryMiB << 20];
        Assert.True(machine.TryReadMemory(0, memory));
        return Convert.ToHexString(SHA256.HashData(memory));
    }
}
