namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>What else there is to know about a decoded instruction.</summary>
[Flags]
internal enum OpFlags : ushort
{
    None = 0,

    /// <summary>LOCK, or XCHG with memory.</summary>
    Lock = 1,

    /// <summary>REP or REPE.</summary>
    Repeat = 2,

    /// <summary>REPNE.</summary>
    RepeatNot = 4,

    /// <summary>The block ends behind it.</summary>
    Ends = 8,

    /// <summary>It is decoded rightly, but not implemented.</summary>
    Unimplemented = 16,

    /// <summary>SHLD, SHRD: the count is CL.</summary>
    CountInCl = 32,

    /// <summary>Takes MM registers, whose offsets are their numbers.</summary>
    Mm = 64,

    /// <summary>With <see cref="Mm"/>: takes XMM registers or MXCSR, too, and must be enabled as they are.</summary>
    MmAndXmm = 128,
}
