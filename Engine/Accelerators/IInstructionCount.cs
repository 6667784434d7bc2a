namespace Hyperpatch.Engine.Accelerators;

/// <summary>Optional ability of a processor: it counts its instructions.</summary>
public interface IInstructionCount
{
    /// <summary>
    /// Instructions that came to their end. One that faults does not count, one with a REP prefix counts once, and so does a hypercall or
    /// port access that the host carries out. Any thread; while it runs, up to a block of instructions behind.
    /// </summary>
    long Instructions { get; }
}
