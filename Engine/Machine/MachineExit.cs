namespace Hyperpatch.Engine.Machine;

/// <summary>Why a machine is over.</summary>
/// <param name="Reason">In words.</param>
/// <param name="Code">Exit status: 0 halted for good, (value &lt;&lt; 1) | 1 cut to 8 bits for port 0xF4, 126 for failures.</param>
public sealed record MachineExit(string Reason, int Code)
{
    /// <summary>Status of a guest that failed.</summary>
    public const int FailureCode = 126;
}
