namespace Hyperpatch.Engine.Accelerators;

/// <summary>What a processor that is not executing waits for.</summary>
public enum ProcessorActivity
{
    /// <summary>Executes instructions.</summary>
    Runnable,

    /// <summary>In HLT, interrupts enabled: an interrupt wakes it.</summary>
    Halted,

    /// <summary>In HLT with interrupts disabled: only NMI, INIT or a kick wakes it.</summary>
    HaltedForGood,

    /// <summary>Waits for INIT or SIPI.</summary>
    WaitingForStartup,
}
