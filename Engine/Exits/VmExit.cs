namespace Hyperpatch.Engine.Exits;

/// <summary>
/// One exit as the back end reports it. Reused for every exit of a processor; which fields hold depends on
/// <see cref="Reason"/>. The processor's registers show the guest's state at the exit: for
/// <see cref="ExitReason.InvalidOpcode"/> and <see cref="ExitReason.Hypercall"/>, RIP is at the instruction.
/// </summary>
public struct VmExit
{
    /// <summary>Why.</summary>
    public ExitReason Reason;

    /// <summary>
    /// Hypercall: length of the instruction where the back end knows it to be the vendor's own form without prefixes, found at
    /// <see cref="Address"/>; else 0, and the host fetches it. As VMX's VM-exit instruction length (Intel SDM vol. 3, "Information for VM
    /// Exits Due to Instruction Execution") and SVM's decode assists (AMD APM vol. 2, 15.8.4).
    /// </summary>
    public byte InstructionLength;

    /// <summary>#UD: the instruction exists, and it is only the back end that does not carry it out.</summary>
    public bool IsUnimplemented;

    /// <summary>Port I/O, MMIO, control register: true when the guest writes.</summary>
    public bool IsWrite;

    /// <summary>Port I/O: bytes an element, 1, 2 or 4. MMIO: bytes in all, 1 to 8.</summary>
    public byte Size;

    /// <summary>Port I/O: port number.</summary>
    public ushort Port;

    /// <summary>Port I/O: number of elements (more than one for INS, OUTS with REP).</summary>
    public uint Count;

    /// <summary>
    /// MMIO: guest-physical address. MSR: index. Control register: its number. Breakpoint: linear address. Failure: the back end's own code. Hypercall with <see cref="InstructionLength"/>:
    /// guest-physical address of the instruction's last byte.
    /// </summary>
    public ulong Address;

    /// <summary>MSR write, control register: the value. Debug: DR6 as the back end gives it. Failure: detail.</summary>
    public ulong Value;
}
