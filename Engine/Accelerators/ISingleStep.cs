namespace Hyperpatch.Engine.Accelerators;

/// <summary>Optional ability of a processor: execute one instruction.</summary>
public interface ISingleStep
{
    /// <summary>
    /// While true, <see cref="IProcessor.Run"/> comes back with <see cref="Exits.ExitReason.Debug"/> after each instruction
    /// that led to no other exit.
    /// </summary>
    bool IsStepping { get; set; }
}
