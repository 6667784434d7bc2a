using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>CPUID: what is there, and nothing else.</summary>
internal sealed partial class Cpu
{
    private const uint PvUnhalt = 1 << 7;
    private const uint PvSendIpi = 1 << 11;
    private const uint PvSchedYield = 1 << 13;

    private void ExecuteCpuid()
    {
        CpuidRegisters answer = Cpuid((uint)R.Guest.Rax, (uint)R.Guest.Rcx);
        R.Guest.Rax = answer.Eax;
        R.Guest.Rbx = answer.Ebx;
        R.Guest.Rcx = answer.Ecx;
        R.Guest.Rdx = answer.Edx;
    }

    private CpuidRegisters Cpuid(uint leaf, uint subleaf)
    {
        const uint HighestBasic = 0xD, HighestExtended = 0x8000_0008;
        CpuidRegisters r = default;
        switch (leaf)
        {
            case 0:
                r.Eax = HighestBasic;
                break;
            case 1:
                r.Ebx = ((uint)_index << 24) | (1u << 16) | (8 << 8);
                // MONITOR and the like are not there; CMPXCHG16B, PCID, x2APIC, MOVBE, POPCNT, TSC deadline, hypervisor.
                r.Ecx = (1u << 13) | (1u << 17) | (1u << 21) | (1u << 22) | (1u << 23) | (1u << 24) | (1u << 31);
                // DE, PSE, TSC, MSR, PAE, CX8, APIC, SEP, MTRR, PGE, CMOV, PAT, PSE-36, CLFSH (of lines as EBX says), FXSR, SSE, SSE2.
                r.Edx = (1u << 2) | (1u << 3) | (1u << 4) | (1u << 5) | (1u << 6) | (1u << 8) | (1u << 9) | (1u << 11)
                    | (1u << 12) | (1u << 13) | (1u << 15) | (1u << 16) | (1u << 17) | (1u << 19)
                    | (1u << 24) | (1u << 25) | (1u << 26);
                AddFloatFeatures(ref r);
                break;
            case 6:
                r.Eax = 1 << 2; // the APIC timer never stops
                break;
            case 7 when subleaf == 0:
                // FSGSBASE, TSC_ADJUST, BMI1, SMEP, BMI2, INVPCID, ADX, SMAP; UMIP, LA57.
                r.Ebx = 1u | (1u << 1) | (1u << 3) | (1u << 7) | (1u << 8) | (1u << 10) | (1u << 19) | (1u << 20);
                r.Ecx = (1u << 2) | (1u << 16);
                break;
            case 0xB:
                r.Ecx = subleaf & 0xFF;
                r.Edx = (uint)_index;
                if (subleaf == 0)
                {
                    r.Ebx = 1;
                    r.Ecx |= 1 << 8;
                }
                else if (subleaf == 1)
                {
                    r.Eax = 6;
                    r.Ebx = (uint)_partition.Count;
                    r.Ecx |= 2 << 8;
                }

                break;
            case 0xD:
                CpuidOfXsave(subleaf, ref r);
                break;
            case 0x4000_0000:
                // "KVMKVMKVM\0\0\0"
                return new CpuidRegisters { Eax = 0x4000_0001, Ebx = 0x4B4D_564B, Ecx = 0x564B_4D56, Edx = 0x4D };
            case 0x4000_0001:
                return new CpuidRegisters { Eax = PvUnhalt | PvSendIpi | PvSchedYield };
            case 0x8000_0000:
                r.Eax = HighestExtended;
                break;
            case 0x8000_0001:
                // LAHF in 64-bit mode, LZCNT; SYSCALL, NX, 1-GiB pages, RDTSCP, long mode.
                r.Ecx = 1u | (1u << 5);
                r.Edx = (1u << 11) | (1u << 20) | (1u << 26) | (1u << 27) | (1u << 29);
                AddExtendedFloatFeatures(ref r);
                break;
            case 0x8000_0007:
                r.Edx = 1 << 8; // invariant TSC
                break;
            case 0x8000_0008:
                r.Eax = PhysicalBits | (48 << 8);
                r.Ebx = _vendor == CpuVendor.Amd ? 1u << 2 : 0; // FXSAVE and FXRSTOR take the x87's pointers along
                break;
        }

        _vendor.ApplyIdentity(leaf, ref r);
        return r;
    }
}
