namespace Hyperpatch.Web.Machines.Inspection;

/// <summary>The bits of RFLAGS, CR0, CR4 and EFER by name (Intel SDM vol. 3, 2.2.1, 2.3 and 2.5; AMD APM vol. 2, 3.1).</summary>
public static class RegisterBits
{
    private static readonly Dictionary<string, IReadOnlyList<RegisterBit>> s_bits = new()
    {
        ["RFLAGS"] =
        [
            new("CF", 0, "Carry: the last calculation had a carry or a borrow"), new("PF", 2, "Parity: the low byte has an even number of ones"),
            new("AF", 4, "Auxiliary carry out of bit 3"), new("ZF", 6, "Zero: the last result was zero"), new("SF", 7, "Sign: the last result was negative"),
            new("TF", 8, "Trap: a #DB after each instruction"), new("IF", 9, "Interrupts are let in"), new("DF", 10, "Direction: string instructions go downwards"),
            new("OF", 11, "Overflow: the last signed result did not fit"), new("IOPL0", 12, "I/O privilege level, low bit"),
            new("IOPL1", 13, "I/O privilege level, high bit"), new("NT", 14, "Nested task"), new("RF", 16, "Resume: the next instruction meets no breakpoint"),
            new("VM", 17, "Virtual-8086 mode"), new("AC", 18, "Alignment check, or access to user pages in spite of SMAP"), new("VIF", 19, "Virtual interrupt flag"),
            new("VIP", 20, "Virtual interrupt pending"), new("ID", 21, "CPUID can be used where this bit can be changed"),
        ],
        ["CR0"] =
        [
            new("PE", 0, "Protected mode"), new("MP", 1, "WAIT heeds TS"), new("EM", 2, "No x87 unit: its instructions raise #UD or #NM"), new("TS", 3, "Task switched: x87 and SSE raise #NM"),
            new("ET", 4, "Extension type: always set"), new("NE", 5, "x87 errors raise #MF"), new("WP", 16, "Write protection holds for the kernel, too"),
            new("AM", 18, "Alignment checks are possible"), new("NW", 29, "Not write-through"), new("CD", 30, "Cache off"), new("PG", 31, "Paging"),
        ],
        ["CR4"] =
        [
            new("VME", 0, "Virtual-8086 extensions"), new("PVI", 1, "Protected-mode virtual interrupts"), new("TSD", 2, "RDTSC is for the kernel alone"), new("DE", 3, "I/O breakpoints"),
            new("PSE", 4, "4 MiB pages in 32-bit paging"), new("PAE", 5, "Physical addresses above 4 GiB; needed for long mode"), new("MCE", 6, "Machine-check exceptions"),
            new("PGE", 7, "Global pages"), new("PCE", 8, "RDPMC for programs, too"), new("OSFXSR", 9, "The kernel saves SSE registers (FXSAVE)"),
            new("OSXMMEXCPT", 10, "SSE errors raise #XM"), new("UMIP", 11, "SGDT, SIDT, SLDT, SMSW and STR are for the kernel alone"), new("LA57", 12, "Five-level paging"),
            new("VMXE", 13, "VMX (Intel)"), new("SMXE", 14, "SMX (Intel)"), new("FSGSBASE", 16, "Programs may use RDFSBASE and its like"), new("PCIDE", 17, "Process-context identifiers"),
            new("OSXSAVE", 18, "The kernel uses XSAVE"), new("SMEP", 20, "The kernel does not execute programs' pages"), new("SMAP", 21, "The kernel does not touch programs' pages"),
            new("PKE", 22, "Protection keys for programs' pages"), new("CET", 23, "Control-flow enforcement"), new("PKS", 24, "Protection keys for the kernel's pages"),
        ],
        ["EFER"] =
        [
            new("SCE", 0, "SYSCALL and SYSRET"), new("LME", 8, "Long mode is enabled"), new("LMA", 10, "Long mode is active"), new("NXE", 11, "Pages can be closed to execution"),
            new("SVME", 12, "SVM (AMD)"), new("LMSLE", 13, "Segment limits in long mode (AMD)"), new("FFXSR", 14, "Fast FXSAVE (AMD)"), new("TCE", 15, "Translation cache extension (AMD)"),
        ],
    };

    /// <summary>The named bits of a register, lowest first; none where a register has none.</summary>
    /// <param name="register">Its name, such as <c>CR0</c>.</param>
    public static IReadOnlyList<RegisterBit> Of(string register) => s_bits.TryGetValue(register, out IReadOnlyList<RegisterBit>? bits) ? bits : [];
}
