namespace Hyperpatch.Engine.Machine.PausePoints;

/// <summary>What a machine is to be paused at.</summary>
public enum PausePointKind
{
    /// <summary>Before the instruction at a linear address.</summary>
    Address,

    /// <summary>After an exit of one reason.</summary>
    Exit,

    /// <summary>After a hypercall of one number was served.</summary>
    Hypercall,

    /// <summary>After a byte of a hypercall instruction was written.</summary>
    Patch,

    /// <summary>After a #UD was given to the guest, RIP at the instruction.</summary>
    InvalidOpcode,
}
