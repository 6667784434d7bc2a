using System.Globalization;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Hypercalls;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine.PausePoints;

namespace Hyperpatch.Engine.Machine.Frames;

/// <summary>Makes views of a machine for frames, pages and the API.</summary>
public static class MachineViews
{
    /// <summary>Name of a machine's state in the API.</summary>
    /// <param name="state">The state.</param>
    public static string Name(MachineState state) => state switch
    {
        MachineState.Created => "created",
        MachineState.Running => "running",
        MachineState.Paused => "paused",
        MachineState.Stopped => "stopped",
        _ => "failed",
    };

    /// <summary>Name of a processor's state in the API.</summary>
    /// <param name="state">The state.</param>
    public static string Name(ProcessorRunState state) => state switch
    {
        ProcessorRunState.Created => "created",
        ProcessorRunState.Running => "running",
        ProcessorRunState.Halted => "halted",
        ProcessorRunState.Paused => "paused",
        _ => "stopped",
    };

    /// <summary>Why a machine paused by itself.</summary>
    /// <param name="cause">The cause, or null.</param>
    public static PauseView? Pause(PauseCause? cause) => cause is null ? null : new PauseView(
        cause.Point.Id, cause.Point.Text, cause.Processor, ExitEvents.Hex(cause.Rip), cause.Reason.Name(), cause.Sequence);

    /// <summary>Totals.</summary>
    /// <param name="machine">The machine.</param>
    public static CounterView Counters(VirtualMachine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ExitJournal journal = machine.Journal;
        long calls = journal.CountOf(InterceptionOutcome.Served) + journal.CountOf(InterceptionOutcome.Emulated)
            + journal.CountOf(InterceptionOutcome.EmulatedReadOnly) + (machine.KernelHypercalls ?? 0);
        long injected = journal.CountOf(InterceptionOutcome.Injected) + journal.CountOf(InterceptionOutcome.InvalidOpcode)
            + journal.CountOf(InterceptionOutcome.LoopGuard);
        return new CounterView(
            journal.Count, calls, journal.CountOf(InterceptionOutcome.Patched), injected, journal.Dropped);
    }

    /// <summary>Exits by reason, those that occurred.</summary>
    /// <param name="machine">The machine.</param>
    public static IReadOnlyList<ReasonView> Reasons(VirtualMachine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        List<ReasonView> views = [];
        Span<long> buckets = stackalloc long[LatencyHistogram.BucketCount];
        foreach (ExitReason reason in ExitReasons.Told)
        {
            long count = machine.Journal.CountOf(reason);
            if (count == 0)
            {
                continue;
            }

            buckets.Clear();
            machine.Journal.AddLatencyTo(reason, buckets);

            Vendors.NativeExit native = reason.Native(machine.Vendor);
            views.Add(new ReasonView(
                reason.Name(),
                native.Name,
                native.Code,
                count,
                Math.Round(LatencyHistogram.Percentile(buckets, 0.5)),
                Math.Round(LatencyHistogram.Percentile(buckets, 0.99))));
        }

        return views;
    }

    /// <summary>Processors.</summary>
    /// <param name="machine">The machine.</param>
    public static IReadOnlyList<ProcessorView> Processors(VirtualMachine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return [.. machine.Processors.Select(p => new ProcessorView(p.Index, Name(p.State), ExitEvents.Hex(p.Rip), p.Journal.Count))];
    }

    /// <summary>Calls of one number over all processors.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="index">Number, or <see cref="HypercallNumber.TableSize"/> for those without a name.</param>
    public static long CountOfHypercall(VirtualMachine machine, int index)
    {
        ArgumentNullException.ThrowIfNull(machine);
        long sum = 0;
        foreach (ProcessorJournal processor in machine.Journal.Processors)
        {
            sum += processor.CountOfHypercall(index);
        }

        return sum;
    }

    /// <summary>A site.</summary>
    /// <param name="site">The site.</param>
    public static SiteView Site(HypercallSite site)
    {
        ArgumentNullException.ThrowIfNull(site);
        (int length, ulong bytes) = site.Instruction;
        byte opcode = length > 0 ? (byte)(bytes >> ((length - 1) * 8)) : (byte)0;
        string mnemonic = Vendors.CpuVendor.FromHypercallOpcode(opcode)?.HypercallMnemonic.ToLower(CultureInfo.InvariantCulture) ?? "?";
        return new SiteView(
            site.Id,
            ExitEvents.Hex(site.Linear),
            ExitEvents.Bytes(bytes, length),
            mnemonic,
            Math.Max(0, length - 1),
            site.Calls,
            site.Patches,
            site.Attempts,
            site.LastVendor?.Id);
    }
}
