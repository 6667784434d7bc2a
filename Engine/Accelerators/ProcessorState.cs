using System.Collections.Immutable;

namespace Hyperpatch.Engine.Accelerators;

/// <summary>Everything that a processor is, independent of the partition it was in. Immutable once saved.</summary>
public sealed record ProcessorState
{
    /// <summary>General-purpose registers, RIP, RFLAGS.</summary>
    public required GuestRegisters Registers { get; init; }

    /// <summary>Segments, tables, control registers.</summary>
    public required SystemRegisters System { get; init; }

    /// <summary>DR0 to DR3, DR6, DR7 as the guest sees them.</summary>
    public required ImmutableArray<ulong> DebugRegisters { get; init; }

    /// <summary>Model-specific registers by index.</summary>
    public required ImmutableArray<KeyValuePair<uint, ulong>> Msrs { get; init; }

    /// <summary>XSAVE area in standard format (Intel SDM vol. 1, 13.4).</summary>
    public required ImmutableArray<byte> Xsave { get; init; }

    /// <summary>Extended control registers: <c>struct kvm_xcrs</c> as bytes.</summary>
    public required ImmutableArray<byte> Xcrs { get; init; }

    /// <summary>The local APIC's register page (1 KiB: registers at 16-byte steps).</summary>
    public required ImmutableArray<byte> LocalApic { get; init; }

    /// <summary>Pending and injected events, NMI and interrupt shadow: <c>struct kvm_vcpu_events</c> as bytes.</summary>
    public required ImmutableArray<byte> Events { get; init; }

    /// <summary>Multi-processing state: the value of <c>struct kvm_mp_state</c>.</summary>
    public required uint MpState { get; init; }

    /// <summary>
    /// A paravirtual kick may still be due: the next HLT returns at once. Where a back end cannot tell, it says so: a processor that is
    /// woken for nothing looks at its lock again.
    /// </summary>
    public bool IsKickPending { get; init; }

    /// <summary>An INIT has come and was not taken yet. Only where the back end keeps it apart from <see cref="MpState"/>.</summary>
    public bool IsInitPending { get; init; }

    /// <summary>Vector of a start-up message that has come and was not taken yet, or null. As <see cref="IsInitPending"/>.</summary>
    public byte? PendingStartup { get; init; }

    /// <summary>
    /// The guest's #UD handler was entered and its first instruction not executed yet: a back end that intercepts #UD at the handler must
    /// not take it for a new one.
    /// </summary>
    public bool IsHandlerPassed { get; init; }

    /// <summary>RIP in the frame of a #UD that is injected but not delivered yet, or null: the same for the delivery to come.</summary>
    public ulong? ExpectedHandlerFrame { get; init; }

    /// <summary>Linear address of the host's breakpoint that was reported and whose instruction is still to be executed, or null.</summary>
    public ulong? PassedBreakpoint { get; init; }

    /// <summary>Its part of the schedule, in a deterministic machine; null in others. For a partition that has not run yet.</summary>
    public TurnState? Turn { get; init; }
}
