using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Hypercalls;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine.Frames;

namespace Hyperpatch.Engine.Machine.PausePoints;

/// <summary>Something at which a machine pauses by itself. It outlives resets and vendor switches.</summary>
public sealed class PausePoint
{
    /// <summary>Reasons that there can be a point at: those after which a guest goes on by itself.</summary>
    public static IReadOnlyList<ExitReason> Reasons { get; } =
    [
        ExitReason.InvalidOpcode, ExitReason.Hypercall, ExitReason.PortIo, ExitReason.Mmio, ExitReason.Cpuid, ExitReason.ControlRegister, ExitReason.MsrRead,
        ExitReason.MsrWrite, ExitReason.Halt, ExitReason.Debug,
    ];

    private long _hits;
    private int _isSpent;

    internal PausePoint(int id, PausePointOptions options)
    {
        Id = id;
        Options = options;
    }

    /// <summary>Number in the machine, from 1; never used again.</summary>
    public int Id { get; }

    /// <summary>What it is.</summary>
    public PausePointOptions Options { get; }

    /// <summary>Times that it was met.</summary>
    public long Hits => Volatile.Read(ref _hits);

    /// <summary>Whether it was for once and has been met.</summary>
    internal bool IsSpent => Volatile.Read(ref _isSpent) != 0;

    /// <summary>In words, such as <c>hypercall KICK_CPU (5)</c>.</summary>
    public string Text => Options.Kind switch
    {
        PausePointKind.Address => $"breakpoint at {ExitEvents.Hex(Options.Address)}",
        PausePointKind.Exit => $"exit {Options.Reason.Name()}",
        PausePointKind.Hypercall => $"hypercall {HypercallNumber.Name(Options.Number)} ({Options.Number})",
        PausePointKind.Patch => "patch of a hypercall instruction",
        _ => "#UD given to the guest",
    };

    /// <summary>Whether an exit that was handled is one to pause at. Allocates nothing.</summary>
    internal bool IsMetBy(in ExitRecord record, bool wasCall)
    {
        if (Options.Processor is int processor && processor != record.Processor)
        {
            return false;
        }

        return Options.Kind switch
        {
            PausePointKind.Address => record.Reason == ExitReason.Breakpoint && record.Linear == Options.Address,
            PausePointKind.Exit => record.Reason == Options.Reason,
            PausePointKind.Hypercall => wasCall && record.Value0 == Options.Number,
            PausePointKind.Patch => record.Outcome == InterceptionOutcome.Patched,
            _ => record.Outcome is InterceptionOutcome.Injected or InterceptionOutcome.InvalidOpcode or InterceptionOutcome.LoopGuard,
        };
    }

    /// <summary>Counts a hit. False where it was for once and another processor was first.</summary>
    internal bool TryHit()
    {
        if (Options.Once && Interlocked.Exchange(ref _isSpent, 1) != 0)
        {
            return false;
        }

        _ = Interlocked.Increment(ref _hits);
        return true;
    }
}
