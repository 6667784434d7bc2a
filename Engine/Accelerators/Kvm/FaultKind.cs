namespace Hyperpatch.Engine.Accelerators.Kvm;

/// <summary>What stands behind the #UD or hypercall exit at hand.</summary>
internal enum FaultKind
{
    /// <summary>No such exit, or it has been dealt with.</summary>
    None,

    /// <summary>The guest's handler was entered; the registers shown are those from before, taken from its frame.</summary>
    Delivered,

    /// <summary>Seen before it executed (single step, or a breakpoint on the site): nothing has happened in the guest.</summary>
    Ahead,
}
