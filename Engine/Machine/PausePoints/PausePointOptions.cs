using Hyperpatch.Engine.Exits;

namespace Hyperpatch.Engine.Machine.PausePoints;

/// <summary>A pause point as somebody asks for it.</summary>
public sealed record PausePointOptions
{
    /// <summary>What to pause at.</summary>
    public required PausePointKind Kind { get; init; }

    /// <summary>For <see cref="PausePointKind.Address"/>: linear address of an instruction.</summary>
    public ulong Address { get; init; }

    /// <summary>For <see cref="PausePointKind.Exit"/>: the reason, one after which a guest goes on.</summary>
    public ExitReason Reason { get; init; }

    /// <summary>For <see cref="PausePointKind.Hypercall"/>: the number, as the guest has it in RAX.</summary>
    public ulong Number { get; init; }

    /// <summary>Only this processor's, or null.</summary>
    public int? Processor { get; init; }

    /// <summary>Whether the point goes once it was met.</summary>
    public bool Once { get; init; }
}
