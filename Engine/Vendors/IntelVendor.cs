namespace Hyperpatch.Engine.Vendors;

/// <summary>Intel: VMX, exit reasons of the SDM vol. 3 appendix C, names of the kernel's <c>asm/vmx.h</c>.</summary>
public sealed class IntelVendor : CpuVendor
{
    internal const byte Opcode = 0xC1;

    /// <inheritdoc/>
    public override string Id => "intel";

    /// <inheritdoc/>
    public override string Name => "Intel";

    /// <inheritdoc/>
    public override string Identity => "GenuineIntel";

    /// <inheritdoc/>
    public override string HypercallMnemonic => "VMCALL";

    /// <inheritdoc/>
    public override byte HypercallOpcode => Opcode;

    /// <summary>Family 6, model 0x55, stepping 4: a server part without any feature that KVM would have to fake.</summary>
    public override uint Signature => 0x0005_0654;

    /// <inheritdoc/>
    public override string Brand => "Intel Processor (Hyperpatch)";

    /// <inheritdoc/>
    public override NativeExit InvalidOpcode => new(0, "EXCEPTION_NMI");

    /// <inheritdoc/>
    public override NativeExit Hypercall => new(18, "VMCALL");

    /// <inheritdoc/>
    public override NativeExit ControlRegister(int number, bool isWrite) => new(28, "CR_ACCESS");

    /// <inheritdoc/>
    public override NativeExit PortIo => new(30, "IO_INSTRUCTION");

    /// <inheritdoc/>
    public override NativeExit Mmio => new(48, "EPT_VIOLATION");

    /// <inheritdoc/>
    public override NativeExit Cpuid => new(10, "CPUID");

    /// <inheritdoc/>
    public override NativeExit MsrRead => new(31, "MSR_READ");

    /// <inheritdoc/>
    public override NativeExit MsrWrite => new(32, "MSR_WRITE");

    /// <inheritdoc/>
    public override NativeExit Halt => new(12, "HLT");

    /// <inheritdoc/>
    public override NativeExit Debug => new(0, "EXCEPTION_NMI");

    /// <inheritdoc/>
    public override NativeExit Shutdown => new(2, "TRIPLE_FAULT");

    /// <inheritdoc/>
    public override NativeExit Interrupted => new(1, "EXTERNAL_INTERRUPT");

    /// <inheritdoc/>
    public override NativeExit Failure => new(33, "INVALID_STATE");

    /// <inheritdoc/>
    protected override bool RepeatsIdentityInExtendedLeaf => false;
}
