namespace Hyperpatch.Engine.Interception;

/// <summary>What became of an intercepted #UD or hypercall.</summary>
public enum InterceptionOutcome : byte
{
    /// <summary>Not an interception.</summary>
    None,

    /// <summary>The vendor's own form: served.</summary>
    Served,

    /// <summary>The wrong vendor's form: one byte was written, the instruction runs again.</summary>
    Patched,

    /// <summary>The wrong vendor's form: served without writing, as the policy says.</summary>
    Emulated,

    /// <summary>The wrong vendor's form in ROM: served without writing, since it cannot be written.</summary>
    EmulatedReadOnly,

    /// <summary>The wrong vendor's form: #UD to the guest, as the policy says.</summary>
    Injected,

    /// <summary>The wrong vendor's form on text that the guest mapped read-only, policy <c>faithful</c>: #PF to the guest.</summary>
    PageFault,

    /// <summary>No hypercall at all: #UD to the guest.</summary>
    InvalidOpcode,

    /// <summary>The instruction could not be fetched: #PF to the guest.</summary>
    FetchFault,

    /// <summary>The same #UD came again and again without progress: #UD to the guest.</summary>
    LoopGuard,
}
