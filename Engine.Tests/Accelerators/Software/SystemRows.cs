using Hyperpatch.Engine.Tests.Support;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>What the manuals (Intel SDM vol. 2 and 3, AMD APM vol. 3) say of system instructions in 64-bit mode.</summary>
internal static class SystemRows
{
    private const uint Undefined = 6, Protection = 13;
    private const ulong Umip = 1 << 11, NoTimestamp = 1 << 2, DebugExtensions = 1 << 3, Pcide = 1 << 17;

    /// <summary>All rows.</summary>
    public static IReadOnlyList<SystemRow> All { get; } =
    [
        // Privileged: #GP(0) at CPL 3.
        User("cli", c => c.cli()), User("sti", c => c.sti()), User("hlt", c => c.hlt()), User("clts", c => c.clts()),
        User("lmsw", c => c.lmsw(ax)), User("wbinvd", c => c.wbinvd()), User("swapgs", c => c.swapgs()), User("rdmsr", c => c.rdmsr()),
        User("wrmsr", c => c.wrmsr()), User("invlpg", c => c.invlpg(__byte_ptr[rax])), User("mov cr0", c => c.mov(rax, cr0)),
        User("mov to cr3", c => c.mov(cr3, rax)), User("mov cr8", c => c.mov(rax, cr8)), User("mov dr0", c => c.mov(rax, dr0)),
        User("mov to dr7", c => c.mov(dr7, rax)), User("lgdt", c => c.lgdt(__[rsp - 16])), User("lidt", c => c.lidt(__[rsp - 16])),
        User("lldt", c => c.lldt(ax)), User("ltr", c => c.ltr(ax)), User("in", c => c.@in(al, dx)), User("out", c => c.@out(0x80, al)),
        User("outsb", c => c.outsb()), User("rdpmc", c => c.rdpmc()),

        // Reads of system registers: as UMIP says.
        new("sgdt", c => c.sgdt(__[rsp - 16])) { Cpl = 3 },
        new("sidt", c => c.sidt(__[rsp - 16])) { Cpl = 3 },
        new("sldt", c => c.sldt(eax)) { Cpl = 3, Rax = 0 },
        new("str", c => c.str(eax)) { Cpl = 3, Rax = 0x40 },
        new("smsw", c => c.smsw(eax)) { Cpl = 3 },
        User("sgdt with UMIP", c => c.sgdt(__[rsp - 16])) with { Cr4 = Umip },
        User("sidt with UMIP", c => c.sidt(__[rsp - 16])) with { Cr4 = Umip },
        User("sldt with UMIP", c => c.sldt(eax)) with { Cr4 = Umip },
        User("str with UMIP", c => c.str(eax)) with { Cr4 = Umip },
        User("smsw with UMIP", c => c.smsw(eax)) with { Cr4 = Umip },
        new("str with UMIP, supervisor", c => c.str(eax)) { Cr4 = Umip, Rax = 0x40 },
        new("rdtsc", c => c.rdtsc()) { Cpl = 3 },
        new("rdtscp", c => c.rdtscp()) { Cpl = 3 },
        User("rdtsc with TSD", c => c.rdtsc()) with { Cr4 = NoTimestamp },
        User("rdtscp with TSD", c => c.rdtscp()) with { Cr4 = NoTimestamp },
        new("rdtsc with TSD, supervisor", c => c.rdtsc()) { Cr4 = NoTimestamp },
        User("stac", c => c.stac()) with { Vector = Undefined },
        User("rdfsbase without FSGSBASE", c => c.rdfsbase(rax)) with { Vector = Undefined },
        new("rdfsbase", c => c.rdfsbase(rax)) { Cpl = 3, Cr4 = 1 << 16, Rax = 0 },

        // Gates' DPL against INT.
        User("int 30", c => c.@int(0x30)) with { Error = 0x182 },
        User("int3", c => c.int3()) with { Error = 0x1A },
        User("int 8", c => c.@int(8)) with { Error = 0x42 },
        new("int3, supervisor", c => c.int3()) { Vector = 3 },

        // Control, debug and model-specific registers.
        Fault("cr0: paging without protection", c => { c.mov(rax, cr0); c.and(eax, -2); c.mov(cr0, rax); }),
        Fault("cr0: NW without CD", c => { c.mov(rax, cr0); c.or(eax, 0x2000_0000); c.and(eax, ~0x4000_0000); c.mov(cr0, rax); }),
        Fault("cr0: upper half", c => { c.mov(rax, cr0); c.bts(rax, 40); c.mov(cr0, rax); }),
        Fault("cr0: paging off in 64-bit code", c => { c.mov(rax, cr0); c.btr(rax, 31); c.mov(cr0, rax); }),
        Fault("cr4: PAE off in long mode", c => { c.mov(rax, cr4); c.btr(rax, 5); c.mov(cr4, rax); }),
        Fault("cr4: reserved", c => { c.mov(rax, cr4); c.bts(rax, 63); c.mov(cr4, rax); }),
        Fault("cr4: PCIDE with a context in cr3", c => { c.mov(rax, cr3); c.or(rax, 5); c.mov(cr3, rax); c.mov(rax, cr4); c.bts(rax, 17); c.mov(cr4, rax); }),
        new("cr3 with PCIDE: context and bit 63", c => { c.mov(rax, cr3); c.mov(rbx, rax); c.or(rax, 5); c.bts(rax, 63); c.mov(cr3, rax); c.mov(rax, cr3); c.sub(rax, rbx); }) { Cr4 = Pcide, Rax = 5 },
        Fault("cr3 without PCIDE: bit 63", c => { c.mov(rax, cr3); c.bts(rax, 63); c.mov(cr3, rax); }),
        new("invpcid of all", c => { c.push(0); c.push(0); c.mov(eax, 3); c.invpcid(rax, __xmmword_ptr[rsp]); c.add(rsp, 16); c.mov(eax, 1); }) { Rax = 1 },
        new("invpcid of a context", c => { c.push(0); c.push(7); c.mov(eax, 1); c.invpcid(rax, __xmmword_ptr[rsp]); c.add(rsp, 16); c.mov(eax, 1); }) { Cr4 = Pcide, Rax = 1 },
        Fault("invpcid of a context without PCIDE", c => { c.push(0); c.push(7); c.mov(eax, 1); c.invpcid(rax, __xmmword_ptr[rsp]); }),
        Fault("invpcid: type", c => { c.push(0); c.push(0); c.mov(eax, 4); c.invpcid(rax, __xmmword_ptr[rsp]); }),
        Fault("invpcid: reserved", c => { c.push(0); c.push(0x1000); c.mov(eax, 2); c.invpcid(rax, __xmmword_ptr[rsp]); }),
        Fault("invpcid: not canonical", c => { c.mov(rax, 1L << 48); c.push(rax); c.push(0); c.xor(eax, eax); c.invpcid(rax, __xmmword_ptr[rsp]); }),
        User("invpcid", c => c.invpcid(rax, __xmmword_ptr[rsp - 16])),
        Fault("cr8: reserved", c => { c.mov(eax, 16); c.mov(cr8, rax); }),
        new("cr8", c => { c.mov(eax, 5); c.mov(cr8, rax); c.mov(rax, cr8); }) { Rax = 5 },
        Fault("dr7: upper half", c => { c.mov(rax, 1L << 32); c.mov(dr7, rax); }),
        Fault("dr6: upper half", c => { c.mov(rax, 1L << 32); c.mov(dr6, rax); }),
        new("dr4 is dr6", c => c.mov(rax, dr4)) { Rax = 0xFFFF_0FF0 },
        Fault("dr4 with DE", c => c.mov(rax, dr4)) with { Cr4 = DebugExtensions, Vector = Undefined },
        Fault("rdmsr: unknown", c => { c.mov(ecx, 0x1234_5678); c.rdmsr(); }),
        Fault("wrmsr: LSTAR not canonical", c => { c.mov(ecx, 0xC000_0082); c.mov(edx, 0x8000_0000); c.wrmsr(); }),
        Fault("wrmsr: EFER reserved", c => { c.mov(ecx, 0xC000_0080); c.mov(eax, 2); c.xor(edx, edx); c.wrmsr(); }),
        Fault("wrmsr: EFER.LME off with paging", c => { c.mov(ecx, 0xC000_0080); c.xor(eax, eax); c.xor(edx, edx); c.wrmsr(); }),

        // Selectors.
        new("lar", c => { c.mov(ecx, 8); c.lar(eax, ecx); }) { Rax = 0xAF_9B00 },
        new("lsl", c => { c.mov(ecx, 0x10); c.lsl(eax, ecx); }) { Rax = 0xFFFF_FFFF },
        new("lsl of a TSS", c => { c.mov(ecx, 0x40); c.lsl(eax, ecx); }) { Rax = 103 },
        Zero("lar of null", false, 0, c => { c.xor(ecx, ecx); c.lar(edx, ecx); }),
        Zero("lar beyond the table", false, 0, c => { c.mov(ecx, 0x1000); c.lar(edx, ecx); }),
        Zero("lsl of more privilege", false, 3, c => { c.mov(ecx, 0x10); c.lsl(edx, ecx); }),
        Zero("verr of code", true, 0, c => { c.mov(ecx, 8); c.verr(cx); }),
        Zero("verw of code", false, 0, c => { c.mov(ecx, 8); c.verw(cx); }),
        Zero("verw of data", true, 0, c => { c.mov(ecx, 0x10); c.verw(cx); }),
        Zero("verr of more privilege", false, 3, c => { c.mov(ecx, 0x10); c.verr(cx); }),
        Zero("verw of user data", true, 3, c => { c.mov(ecx, 0x23); c.verw(cx); }),
        Fault("mov ds beyond the table", c => { c.mov(ecx, 0x1000); c.mov(ds, ecx); }) with { Error = 0x1000 },
        Fault("mov ss to user data", c => { c.mov(ecx, 0x23); c.mov(ss, ecx); }) with { Error = 0x20 },
        Fault("mov ds to 64-bit code of more privilege", c => { c.mov(ecx, 8); c.mov(ds, ecx); }) with { Cpl = 3, Error = 8 },
        Fault("mov fs absent", c => { c.mov(ecx, 0x38); c.mov(fs, ecx); }) with { Error = 0x38 },
        Fault("ltr null", c => { c.xor(eax, eax); c.ltr(ax); }),
        Fault("ltr busy", c => { c.mov(eax, 0x40); c.ltr(ax); }) with { Error = 0x40 },
        Fault("ltr of data", c => { c.mov(eax, 0x10); c.ltr(ax); }) with { Error = 0x10 },
        new("lldt null", c => { c.xor(eax, eax); c.lldt(ax); }),
        Fault("lldt of data", c => { c.mov(eax, 0x10); c.lldt(ax); }) with { Error = 0x10 },
        Fault("lldt local", c => { c.mov(eax, 0x14); c.lldt(ax); }) with { Error = 0x14 },

        // Far transfers.
        Fault("retf to data", c => { Target(c, 0x10); c.AddInstruction(Iced.Intel.Instruction.Create(Iced.Intel.Code.Retfq)); }) with { Error = 0x10 },
        Fault("retf to null", c => { Target(c, 0); c.AddInstruction(Iced.Intel.Instruction.Create(Iced.Intel.Code.Retfq)); }),
        Fault("retf inward", c => { Target(c, 8); c.AddInstruction(Iced.Intel.Instruction.Create(Iced.Intel.Code.Retfq)); }) with { Cpl = 3, Error = 8 },
        Fault("jmp far to a TSS", c => { c.mov(rax, 0x40_0000_0000); c.push(rax); c.jmp(__fword_ptr[rsp]); }) with { Error = 0x40 },
        Fault("iret with NT", c => { c.pushfq(); c.or(__dword_ptr[rsp], 0x4000); c.popfq(); c.iretq(); }),
        Fault("iret to data", c => { c.push(0x10); c.push(0); c.push(2); c.push(0x10); c.push(0); c.iretq(); }) with { Error = 0x10 },

        // Flags at CPL 3: IOPL and IF are not its own.
        new("popf", c => { c.push(0x3202); c.popfq(); c.pushfq(); c.pop(rax); }) { Cpl = 3, Rax = 2 },
        new("popf, supervisor", c => { c.push(0x3002); c.popfq(); c.pushfq(); c.pop(rax); }) { Rax = 0x3002 },

        // Fast calls.
        Fault("syscall off", c => c.syscall()) with { Vector = Undefined },
        Fault("sysret off", c => c.sysretq()) with { Vector = Undefined },
        Fault("sysenter without CS", c => c.sysenter()),
        Fault("sysexit without CS", c => c.sysexitq()),
        User("sysexit", c => c.sysexitq()),
        Fault("sysenter, AMD", c => c.sysenter()) with { Vector = Undefined, Vendor = GuestVendor.Amd },
        Fault("sysexit, AMD", c => c.sysexitq()) with { Vector = Undefined, Vendor = GuestVendor.Amd },

        // Addresses.
        Fault("load not canonical", c => { c.mov(rax, 1L << 63); c.mov(al, __[rax]); }),
        Fault("push not canonical", c => { c.mov(rsp, 1L << 63); c.push(rax); }) with { Cpl = 3, Vector = 12 },
        Fault("division by 0", c => { c.xor(ecx, ecx); c.div(ecx); }) with { Vector = 0 },
        new("a stack that is not there is a double fault", c => { c.xor(esp, esp); c.push(rax); }) { Vector = 8 },
    ];

    private static SystemRow User(string name, Action<Iced.Intel.Assembler> emit) => Fault(name, emit) with { Cpl = 3 };

    private static SystemRow Fault(string name, Action<Iced.Intel.Assembler> emit) => new(name, emit) { Vector = Protection };

    // ZF into RAX.
    private static SystemRow Zero(string name, bool isSet, int cpl, Action<Iced.Intel.Assembler> emit) => new(name, c =>
    {
        emit(c);
        c.setz(al);
        c.movzx(eax, al);
    })
    {
        Cpl = cpl,
        Rax = isSet ? 1UL : 0,
    };

    private static void Target(Iced.Intel.Assembler c, int selector)
    {
        Iced.Intel.Label here = c.CreateLabel();
        c.lea(rax, __[here]);
        c.add(rax, 32);
        c.push(selector);
        c.push(rax);
        c.Label(ref here);
        c.nop();
    }
}
