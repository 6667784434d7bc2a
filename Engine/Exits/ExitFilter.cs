using Hyperpatch.Engine.Interception;

namespace Hyperpatch.Engine.Exits;

/// <summary>Which records of a history are wanted. What is null does not matter.</summary>
public readonly record struct ExitFilter
{
    /// <summary>Only this reason.</summary>
    public ExitReason? Reason { get; init; }

    /// <summary>Only this processor.</summary>
    public int? Processor { get; init; }

    /// <summary>Lowest RIP at the exit.</summary>
    public ulong? RipFrom { get; init; }

    /// <summary>Highest RIP at the exit, itself included.</summary>
    public ulong? RipTo { get; init; }

    /// <summary>Only accesses to this port.</summary>
    public ushort? Port { get; init; }

    /// <summary>Only hypercalls of this number that were served, in whatever way.</summary>
    public ulong? Hypercall { get; init; }

    /// <summary>Whether it lets everything through.</summary>
    public bool IsEmpty => this == default;

    /// <summary>Whether a record is wanted.</summary>
    /// <param name="record">The record.</param>
    public bool Matches(in ExitRecord record) =>
        (Reason is not { } reason || record.Reason == reason)
        && (Processor is not { } processor || record.Processor == processor)
        && (RipFrom is not { } from || record.Rip >= from)
        && (RipTo is not { } to || record.Rip <= to)
        && (Port is not { } port || (record.Reason == ExitReason.PortIo && record.Port == port))
        && (Hypercall is not { } number || (IsCall(record) && record.Value0 == number));

    private static bool IsCall(in ExitRecord record) =>
        record.Outcome is InterceptionOutcome.Served or InterceptionOutcome.Emulated or InterceptionOutcome.EmulatedReadOnly;
}
