namespace Hyperpatch.Engine.Accelerators;

/// <summary>What one instruction did in a guest at CPL 0 on this host.</summary>
public enum ProbeOutcome
{
    /// <summary>#UD, intercepted before the guest's handler ran.</summary>
    InvalidOpcode,

    /// <summary>Came to the host as a hypercall exit.</summary>
    HypercallExit,

    /// <summary>The kernel served it; the host saw nothing.</summary>
    ServedByKernel,

    /// <summary>Did not come back within the time limit.</summary>
    NeverReturned,

    /// <summary>Something else; see the detail.</summary>
    Other,
}
