namespace Hyperpatch.Engine.Memory;

/// <summary>What an access does, for permission checks and page-fault error codes.</summary>
public enum MemoryAccess
{
    /// <summary>Data read.</summary>
    Read,

    /// <summary>Data write.</summary>
    Write,

    /// <summary>Instruction fetch.</summary>
    Execute,
}
