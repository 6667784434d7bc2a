namespace Hyperpatch.Engine.Vendors;

/// <summary>The four registers that CPUID answers with.</summary>
public struct CpuidRegisters
{
    /// <summary>EAX.</summary>
    public uint Eax;

    /// <summary>EBX.</summary>
    public uint Ebx;

    /// <summary>ECX.</summary>
    public uint Ecx;

    /// <summary>EDX.</summary>
    public uint Edx;
}
