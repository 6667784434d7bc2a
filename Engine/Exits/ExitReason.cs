namespace Hyperpatch.Engine.Exits;

/// <summary>Why a virtual processor came back to the host: a closed set, the same for every back end and vendor.</summary>
public enum ExitReason : byte
{
    /// <summary>No exit yet.</summary>
    None = 0,

    /// <summary>#UD (vector 6) was intercepted before the guest saw it.</summary>
    InvalidOpcode,

    /// <summary>The emulated vendor's hypercall instruction.</summary>
    Hypercall,

    /// <summary>IN, OUT, INS or OUTS.</summary>
    PortIo,

    /// <summary>Read or write of guest-physical memory that nothing backs, or a write to ROM.</summary>
    Mmio,

    /// <summary>CPUID (back ends that report it; KVM answers by itself).</summary>
    Cpuid,

    /// <summary>RDMSR of a register that the back end does not know.</summary>
    MsrRead,

    /// <summary>WRMSR of a register that the back end does not know.</summary>
    MsrWrite,

    /// <summary>Access to a control register, where the machine asks for these (<see cref="Accelerators.IControlRegisterExits"/>).</summary>
    ControlRegister,

    /// <summary>HLT (back ends that report it; KVM with its own local APIC waits by itself).</summary>
    Halt,

    /// <summary>A single step asked for by the host.</summary>
    Debug,

    /// <summary>A breakpoint of the host's (<see cref="Accelerators.IBreakpoints"/>), before the instruction.</summary>
    Breakpoint,

    /// <summary>Triple fault.</summary>
    Shutdown,

    /// <summary>The host called the processor back (kick); nothing happened in the guest.</summary>
    Interrupted,

    /// <summary>The back end cannot go on: refused state, or an instruction that it cannot execute.</summary>
    Failure,
}
