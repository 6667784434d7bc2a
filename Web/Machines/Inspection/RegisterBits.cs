using Hyperpatch.Web.Texts;

namespace Hyperpatch.Web.Machines.Inspection;

/// <summary>The bits of RFLAGS, CR0, CR4 and EFER by name (Intel SDM vol. 3, 2.2.1, 2.3 and 2.5; AMD APM vol. 2, 3.1).</summary>
public static class RegisterBits
{
    private static readonly Dictionary<string, IReadOnlyList<RegisterBit>> s_bits = new()
    {
        ["RFLAGS"] =
        [
            new("CF", 0, RegisterTexts.RflagsCf), new("PF", 2, RegisterTexts.RflagsPf),
            new("AF", 4, RegisterTexts.RflagsAf), new("ZF", 6, RegisterTexts.RflagsZf), new("SF", 7, RegisterTexts.RflagsSf),
            new("TF", 8, RegisterTexts.RflagsTf), new("IF", 9, RegisterTexts.RflagsIf), new("DF", 10, RegisterTexts.RflagsDf),
            new("OF", 11, RegisterTexts.RflagsOf), new("IOPL0", 12, RegisterTexts.RflagsIopl0),
            new("IOPL1", 13, RegisterTexts.RflagsIopl1), new("NT", 14, RegisterTexts.RflagsNt), new("RF", 16, RegisterTexts.RflagsRf),
            new("VM", 17, RegisterTexts.RflagsVm), new("AC", 18, RegisterTexts.RflagsAc), new("VIF", 19, RegisterTexts.RflagsVif),
            new("VIP", 20, RegisterTexts.RflagsVip), new("ID", 21, RegisterTexts.RflagsId),
        ],
        ["CR0"] =
        [
            new("PE", 0, RegisterTexts.Cr0Pe), new("MP", 1, RegisterTexts.Cr0Mp), new("EM", 2, RegisterTexts.Cr0Em), new("TS", 3, RegisterTexts.Cr0Ts),
            new("ET", 4, RegisterTexts.Cr0Et), new("NE", 5, RegisterTexts.Cr0Ne), new("WP", 16, RegisterTexts.Cr0Wp),
            new("AM", 18, RegisterTexts.Cr0Am), new("NW", 29, RegisterTexts.Cr0Nw), new("CD", 30, RegisterTexts.Cr0Cd), new("PG", 31, RegisterTexts.Cr0Pg),
        ],
        ["CR4"] =
        [
            new("VME", 0, RegisterTexts.Cr4Vme), new("PVI", 1, RegisterTexts.Cr4Pvi), new("TSD", 2, RegisterTexts.Cr4Tsd), new("DE", 3, RegisterTexts.Cr4De),
            new("PSE", 4, RegisterTexts.Cr4Pse), new("PAE", 5, RegisterTexts.Cr4Pae), new("MCE", 6, RegisterTexts.Cr4Mce),
            new("PGE", 7, RegisterTexts.Cr4Pge), new("PCE", 8, RegisterTexts.Cr4Pce), new("OSFXSR", 9, RegisterTexts.Cr4Osfxsr),
            new("OSXMMEXCPT", 10, RegisterTexts.Cr4Osxmmexcpt), new("UMIP", 11, RegisterTexts.Cr4Umip), new("LA57", 12, RegisterTexts.Cr4La57),
            new("VMXE", 13, RegisterTexts.Cr4Vmxe), new("SMXE", 14, RegisterTexts.Cr4Smxe), new("FSGSBASE", 16, RegisterTexts.Cr4Fsgsbase), new("PCIDE", 17, RegisterTexts.Cr4Pcide),
            new("OSXSAVE", 18, RegisterTexts.Cr4Osxsave), new("SMEP", 20, RegisterTexts.Cr4Smep), new("SMAP", 21, RegisterTexts.Cr4Smap),
            new("PKE", 22, RegisterTexts.Cr4Pke), new("CET", 23, RegisterTexts.Cr4Cet), new("PKS", 24, RegisterTexts.Cr4Pks),
        ],
        ["EFER"] =
        [
            new("SCE", 0, RegisterTexts.EferSce), new("LME", 8, RegisterTexts.EferLme), new("LMA", 10, RegisterTexts.EferLma), new("NXE", 11, RegisterTexts.EferNxe),
            new("SVME", 12, RegisterTexts.EferSvme), new("LMSLE", 13, RegisterTexts.EferLmsle), new("FFXSR", 14, RegisterTexts.EferFfxsr), new("TCE", 15, RegisterTexts.EferTce),
        ],
    };

    /// <summary>The named bits of a register, lowest first; none where a register has none.</summary>
    /// <param name="register">Its name, such as <c>CR0</c>.</param>
    public static IReadOnlyList<RegisterBit> Of(string register) => s_bits.TryGetValue(register, out IReadOnlyList<RegisterBit>? bits) ? bits : [];
}
