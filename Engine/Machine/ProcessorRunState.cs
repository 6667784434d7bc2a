namespace Hyperpatch.Engine.Machine;

/// <summary>State of a virtual processor.</summary>
public enum ProcessorRunState
{
    /// <summary>Not run yet.</summary>
    Created,

    /// <summary>Executes the guest.</summary>
    Running,

    /// <summary>Waits in HLT.</summary>
    Halted,

    /// <summary>Parked.</summary>
    Paused,

    /// <summary>Its thread has ended.</summary>
    Stopped,
}
