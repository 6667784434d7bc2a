namespace Hyperpatch.Engine.Tests.Accelerators.Software.Fuzz;

/// <summary>The mode in which a fuzzed guest starts.</summary>
public enum FuzzMode
{
    /// <summary>16-bit code, no protection.</summary>
    Real,

    /// <summary>32-bit code without paging.</summary>
    Flat,

    /// <summary>32-bit code, 32-bit page tables.</summary>
    Legacy,

    /// <summary>32-bit code, PAE page tables.</summary>
    Pae,

    /// <summary>64-bit code.</summary>
    Long,
}
