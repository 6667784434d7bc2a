using System.Collections.Immutable;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Machines.Inspection;

namespace Hyperpatch.Web.Machines.Stepping;

/// <summary>
/// The latest steps of a paused machine with what they changed. Kept here and not on a page: whoever watches sees what whoever drives has
/// stepped. It ends when the machine runs on.
/// </summary>
public sealed class StepTrail
{
    /// <summary>Steps that are kept, counted for each processor.</summary>
    public const int Capacity = 64;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(5);
    private readonly Lock _stepping = new();
    private readonly Lock _lock = new();
    private ImmutableArray<StepView> _steps = [];
    private long _last;

    /// <summary>The steps, oldest first.</summary>
    public ImmutableArray<StepView> Steps
    {
        get
        {
            lock (_lock)
            {
                return _steps;
            }
        }
    }

    /// <summary>The latest step of a processor, or null.</summary>
    /// <param name="processor">Its index.</param>
    public StepView? LatestOf(int processor) => Steps.LastOrDefault(step => step.Processor == processor);

    /// <summary>Steps a machine and notes what changed.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="processor">Index of the processor, or null for all.</param>
    /// <exception cref="MachineStateException">As of the machine; also when another step does not come to its end.</exception>
    internal void Step(VirtualMachine machine, int? processor)
    {
        // One after the other: of two people who step at once neither must be told the other one's changes.
        if (!_stepping.TryEnter(s_limit))
        {
            throw new MachineStateException("Another step is still at work on this machine; try again.");
        }

        try
        {
            StepAlone(machine, processor);
        }
        finally
        {
            _stepping.Exit();
        }
    }

    /// <summary>Forgets the steps: what they say is not so any more.</summary>
    internal void Clear()
    {
        lock (_lock)
        {
            _steps = [];
        }
    }

    private void StepAlone(VirtualMachine machine, int? processor)
    {
        ProcessorSnapshot?[] before = [.. machine.Processors.Select(one => one.Snapshot)];

        // Before the step: it may write over the very instruction.
        InstructionView?[] code = [.. machine.Processors.Select((_, index) => before[index] is null || (processor ?? index) != index ? null : CodeAt(machine, index))];
        machine.Step(processor);
        lock (_lock)
        {
            if (machine.State == MachineState.Running)
            {
                // Somebody has let it go on meanwhile: its registers are not the step's any more.
                return;
            }

            long number = ++_last;
            foreach (VirtualProcessor one in machine.Processors)
            {
                if ((processor ?? one.Index) == one.Index && before[one.Index] is { } was && one.Snapshot is { } now)
                {
                    InstructionView? line = code[one.Index];
                    StepView view = new(
                        number, one.Index, line?.Address ?? ExitEvents.Hex(was.Registers.Rip), line?.Bytes ?? "", line?.Instruction ?? "", RegisterChange.Between(was, now));
                    _steps = [.. _steps.TakeLast(Capacity - 1), view];
                }
            }
        }
    }

    private static InstructionView? CodeAt(VirtualMachine machine, int processor)
    {
        MachineInspector inspector = new(machine, processor);
        return inspector.TryParse("rip", AddressSpace.Virtual, out ulong address, out _) && inspector.Disassemble(address, 1, AddressSpace.Virtual).Instructions is [var line, ..] ? line : null;
    }
}
