using Hyperpatch.Engine.Exits;

namespace Hyperpatch.Engine.Tests.Support;

/// <summary>How a run of <see cref="CpuRig"/> ended.</summary>
/// <param name="Reason">InvalidOpcode for UD2, and for every other #UD; Halt for an exception; Interrupted for the guest's own HLT.</param>
/// <param name="Vector">The exception's vector, or -1.</param>
internal readonly record struct RigEnd(ExitReason Reason, int Vector)
{
    /// <summary>Error code on the handler's stack.</summary>
    public ulong Error { get; init; }

    /// <summary>RIP on the handler's stack.</summary>
    public ulong Rip { get; init; }

    /// <summary>CS on the handler's stack.</summary>
    public int Cs { get; init; }

    /// <summary>RFLAGS on the handler's stack.</summary>
    public ulong Flags { get; init; }

    /// <summary>RSP on the handler's stack, in long mode.</summary>
    public ulong Rsp { get; init; }

    /// <summary>SS on the handler's stack, in long mode.</summary>
    public int Ss { get; init; }
}
