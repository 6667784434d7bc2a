namespace Hyperpatch.Engine.Vendors;

/// <summary>AMD: SVM, exit codes of the APM vol. 2 appendix C, names of the kernel's <c>asm/svm.h</c>.</summary>
public sealed class AmdVendor : CpuVendor
{
    internal const byte Opcode = 0xD9;

    /// <inheritdoc/>
    public override string Id => "amd";

    /// <inheritdoc/>
    public override string Name => "AMD";

    /// <inheritdoc/>
    public override string Identity => "AuthenticAMD";

    /// <inheritdoc/>
    public override string HypercallMnemonic => "VMMCALL";

    /// <inheritdoc/>
    public override byte HypercallOpcode => Opcode;

    /// <summary>Family 17h, model 1, stepping 2.</summary>
    public override uint Signature => 0x0080_0F12;

    /// <inheritdoc/>
    public override string Brand => "AMD Processor (Hyperpatch)";

    /// <inheritdoc/>
    public override NativeExit InvalidOpcode => new(0x46, "EXCP_BASE + 6");

    /// <inheritdoc/>
    public override NativeExit Hypercall => new(0x81, "VMMCALL");

    /// <inheritdoc/>
    public override NativeExit ControlRegister(int number, bool isWrite) =>
        isWrite ? new(0x10 + (uint)number, $"WRITE_CR{number}") : new((uint)number, $"READ_CR{number}");

    /// <inheritdoc/>
    public override NativeExit PortIo => new(0x7B, "IOIO");

    /// <inheritdoc/>
    public override NativeExit Mmio => new(0x400, "NPF");

    /// <inheritdoc/>
    public override NativeExit Cpuid => new(0x72, "CPUID");

    /// <inheritdoc/>
    public override NativeExit MsrRead => new(0x7C, "MSR");

    /// <inheritdoc/>
    public override NativeExit MsrWrite => new(0x7C, "MSR");

    /// <inheritdoc/>
    public override NativeExit Halt => new(0x78, "HLT");

    /// <inheritdoc/>
    public override NativeExit Debug => new(0x41, "EXCP_BASE + 1");

    /// <inheritdoc/>
    public override NativeExit Shutdown => new(0x7F, "SHUTDOWN");

    /// <inheritdoc/>
    public override NativeExit Interrupted => new(0x60, "INTR");

    /// <inheritdoc/>
    public override NativeExit Failure => new(0xFFFF_FFFF, "ERR");

    /// <inheritdoc/>
    protected override bool RepeatsIdentityInExtendedLeaf => true;
}
