namespace Hyperpatch.Engine.Hypercalls;

/// <summary>One call as the guest makes it, values already cut to the code's width.</summary>
public struct HypercallCall
{
    /// <summary>RAX.</summary>
    public ulong Number;

    /// <summary>RBX.</summary>
    public ulong Argument0;

    /// <summary>RCX.</summary>
    public ulong Argument1;

    /// <summary>RDX.</summary>
    public ulong Argument2;

    /// <summary>RSI.</summary>
    public ulong Argument3;

    /// <summary>Whether the caller is 64-bit code.</summary>
    public bool Is64Bit;

    /// <summary>What goes back in RAX.</summary>
    public ulong Result;
}
