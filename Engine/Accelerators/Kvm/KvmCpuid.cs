using Hyperpatch.Engine.Accelerators.Kvm.Native;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Accelerators.Kvm;

/// <summary>The CPUID leaves that a guest sees: what the host supports, with the vendor's identity and our paravirtual features.</summary>
internal static class KvmCpuid
{
    private const uint FeatureLeaf = 0x4000_0001;
    private const uint HighestExtendedLeaf = 0x8000_0008;
    private const uint PvUnhalt = 1 << 7;
    private const uint PvSendIpi = 1 << 11;
    private const uint PvSchedYield = 1 << 13;
    private const uint VmxBit = 1 << 5;
    private const uint X2ApicBit = 1 << 21;
    private const uint HypervisorBit = 1u << 31;
    private const uint SvmBit = 1 << 2;
    private const uint HyperThreadingBit = 1 << 28;

    /// <summary>Makes the leaves of one processor.</summary>
    /// <param name="supported">What the kernel supports.</param>
    /// <param name="vendor">The vendor that the guest sees.</param>
    /// <param name="apicId">The processor's APIC id.</param>
    public static KvmCpuidEntry[] Make(ReadOnlySpan<KvmCpuidEntry> supported, CpuVendor vendor, int apicId)
    {
        List<KvmCpuidEntry> entries = new(supported.Length + 2);
        foreach (KvmCpuidEntry entry in supported)
        {
            // Leaves 0x80000009 and up (SVM, cache topology) are AMD's alone; no guest of ours needs them.
            if (entry.Function is > HighestExtendedLeaf || (entry.Function is >= 0x4000_0000 and < 0x8000_0000))
            {
                continue;
            }

            KvmCpuidEntry copy = entry;
            Change(ref copy, vendor, apicId);
            entries.Add(copy);
        }

        // "KVMKVMKVM\0\0\0" (Documentation/virt/kvm/x86/cpuid.rst).
        entries.Add(new KvmCpuidEntry
        {
            Function = 0x4000_0000,
            Registers = new CpuidRegisters { Eax = FeatureLeaf, Ebx = 0x4B4D_564B, Ecx = 0x564B_4D56, Edx = 0x4D },
        });
        entries.Add(new KvmCpuidEntry
        {
            Function = FeatureLeaf,
            Registers = new CpuidRegisters { Eax = PvUnhalt | PvSendIpi | PvSchedYield },
        });
        return [.. entries];
    }

    private static void Change(ref KvmCpuidEntry entry, CpuVendor vendor, int apicId)
    {
        vendor.ApplyIdentity(entry.Function, ref entry.Registers);
        switch (entry.Function)
        {
            case 1:
                entry.Registers.Ebx = (entry.Registers.Ebx & 0x00FF_FFFF) | ((uint)apicId << 24);
                entry.Registers.Ecx = (entry.Registers.Ecx & ~VmxBit) | HypervisorBit | X2ApicBit;
                entry.Registers.Edx &= ~HyperThreadingBit;
                break;
            case 0xB or 0x1F:
                entry.Registers.Edx = (uint)apicId;
                break;
            case 0x8000_0000:
                entry.Registers.Eax = Math.Min(entry.Registers.Eax, HighestExtendedLeaf);
                break;
            case 0x8000_0001:
                entry.Registers.Ecx &= ~SvmBit;
                break;
        }
    }
}
