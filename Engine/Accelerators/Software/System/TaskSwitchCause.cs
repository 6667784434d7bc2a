namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>What switches tasks, as far as the tasks' states depend on it (Intel SDM vol. 3, table 8-2).</summary>
internal enum TaskSwitchCause
{
    /// <summary>JMP: the old task ends.</summary>
    Jump,

    /// <summary>CALL, an interrupt or an exception: the new task is nested in the old one.</summary>
    Call,

    /// <summary>IRET of a nested task.</summary>
    Return,
}
