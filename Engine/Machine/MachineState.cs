namespace Hyperpatch.Engine.Machine;

/// <summary>State of a machine.</summary>
public enum MachineState
{
    /// <summary>Loaded, not run yet.</summary>
    Created,

    /// <summary>Its processors run.</summary>
    Running,

    /// <summary>All processors are parked at an instruction boundary.</summary>
    Paused,

    /// <summary>The guest ended by itself.</summary>
    Stopped,

    /// <summary>The guest cannot go on: triple fault, refused state, host error.</summary>
    Failed,
}
