using System.Runtime.InteropServices;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Accelerators.Kvm.Native;

/// <summary><c>struct kvm_cpuid_entry2</c>.</summary>
[StructLayout(LayoutKind.Sequential, Size = 40)]
internal struct KvmCpuidEntry
{
    public uint Function;
    public uint Index;
    public uint Flags;
    public CpuidRegisters Registers;
}
