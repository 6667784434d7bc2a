using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Machine;

/// <summary>What a machine is made with.</summary>
public sealed record VirtualMachineOptions
{
    /// <summary>Processors at most.</summary>
    public const int MaximumProcessors = 64;

    /// <summary>Name for people.</summary>
    public string Name { get; init; } = "machine";

    /// <summary>Vendor that the guest sees at first.</summary>
    public CpuVendor Vendor { get; init; } = CpuVendor.Intel;

    /// <summary>What is done with the wrong vendor's hypercall.</summary>
    public PatchPolicy Policy { get; init; } = PatchPolicy.Force;

    /// <summary>Processors, 1 to 64.</summary>
    public int Processors { get; init; } = 1;

    /// <summary>RAM in MiB.</summary>
    public int MemoryMiB { get; init; } = 64;

    /// <summary>The guest's command line.</summary>
    public string CommandLine { get; init; } = string.Empty;

    /// <summary>
    /// Whether a run repeats exactly: the processors run in turn, and time is the number of instructions (see
    /// <see cref="Accelerators.IDeterministicPartition"/>). Only with a back end that can do so, which is the one in software.
    /// </summary>
    public bool Deterministic { get; init; }

    /// <summary>
    /// Hypercalls, from 1, after each of which the guest is shown the next vendor; null: never by itself. The processor that makes the last of
    /// them executes nothing more before the switch: in a deterministic machine no other one does, either. What the host's kernel serves
    /// unseen (level <c>native</c>) is counted several times a second only.
    /// </summary>
    public long? SwitchVendorAfter { get; init; }

    /// <summary>
    /// Whether accesses to control registers lead to an exit (<see cref="Accelerators.IControlRegisterExits"/>). Only with a back end that can report
    /// them, which is the one in software: KVM keeps them to itself.
    /// </summary>
    public bool InterceptControlRegisters { get; init; }

    /// <summary>Whether the hypercall MAP_GPA_RANGE is offered.</summary>
    public bool OffersMapGpaRange { get; init; }

    /// <summary>Exits kept for reading back.</summary>
    public int HistoryCapacity { get; init; } = 32768;

    /// <summary>Frames a second that observers get, 1 to 20.</summary>
    public int FramesPerSecond { get; init; } = 8;
}
