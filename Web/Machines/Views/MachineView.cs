using Hyperpatch.Engine.Machine.Frames;

namespace Hyperpatch.Web.Machines.Views;

/// <summary>A machine as the API shows it.</summary>
public sealed record MachineView
{
    /// <summary>Its number, as text.</summary>
    public required string Id { get; init; }

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its guest.</summary>
    public required string Guest { get; init; }

    /// <summary>When it was created (UTC).</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>created, running, paused, stopped or failed.</summary>
    public required string State { get; init; }

    /// <summary>The vendor that the guest sees.</summary>
    public required string Vendor { get; init; }

    /// <summary>The back end it runs on.</summary>
    public required string Accelerator { get; init; }

    /// <summary>Whether its runs repeat exactly.</summary>
    public required bool Deterministic { get; init; }

    /// <summary>Whether accesses to control registers are shown as exits.</summary>
    public required bool InterceptControlRegisters { get; init; }

    /// <summary>How often instructions were met that exist but that the processor in software does not have, by name, since the latest vendor switch or reset.</summary>
    public required IReadOnlyDictionary<string, long> Unimplemented { get; init; }

    /// <summary>How hypercalls are intercepted: trap, native or step.</summary>
    public required string InterceptionLevel { get; init; }

    /// <summary>What is done with the wrong vendor's hypercalls.</summary>
    public required string Policy { get; init; }

    /// <summary>Memory in MiB.</summary>
    public required int MemoryMiB { get; init; }

    /// <summary>The guest's command line.</summary>
    public required string CommandLine { get; init; }

    /// <summary>The processors.</summary>
    public required IReadOnlyList<ProcessorDetail> Processors { get; init; }

    /// <summary>Totals.</summary>
    public required CounterView Counters { get; init; }

    /// <summary>Why it paused by itself, or null.</summary>
    public required PauseView? PausedBy { get; init; }

    /// <summary>How it ended, or null while it has not.</summary>
    public required ExitStatus? Exit { get; init; }
}
