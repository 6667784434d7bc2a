using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Frames, strings, ports, control registers and selectors.</summary>
internal static partial class InstructionRows
{
    private static IEnumerable<InstructionRow> Frames() =>
    [
        new("enter with nesting, 16 bits", s_real, "rbp=S-100 s-33=ABCD000000000000", c => c.enter(4, 2), "rbp=S-2 rsp=S-A s-1=7F00ABCD7FFE0000"),
        new("enter with nesting, 32 bits", s_flat, "rbp=S-100 s-33=ABCDEF0100000000", c => c.enter(8, 2), "rbp=S-4 rsp=S-14 s-1=00037F00ABCDEF01 s-2=00037FFC00000000"),
        new("enter with nesting, 64 bits", s_long, "rbp=S-100 s-33=ABCD", c => c.enter(8, 2), "rbp=S-8 rsp=S-20 s-1=37F00 s-2=ABCD s-3=37FF8"),
        new("enter, nesting counts modulo 32", s_long, "rbp=S-100", c => c.enter(8, 0x20), "rbp=S-8 rsp=S-10 s-1=37F00"),
        new("leave, 16 bits", s_real, "rbp=S-10 s-2=1122334455667788", c => c.leave(), "rbp=7788 rsp=S-E"),
        new("leave, 32 bits", s_flat, "rbp=S-10 s-2=1122334455667788", c => c.leave(), "rbp=55667788 rsp=S-C"),
        new("leave, 64 bits", s_long, "rbp=S-10 s-2=1122334455667788", c => c.leave(), "rbp=1122334455667788 rsp=S-8"),
        new("push sp", s_real, "s-1=0", c => c.push(sp), "rsp=S-2 s-1=8000000000000000"),
        new("push esp", s_flat, "s-1=0", c => c.push(esp), "rsp=S-4 s-1=0003800000000000"),
        new("push of a byte", s_long, "", c => c.push(-1), "rsp=S-8 s-1=FFFFFFFFFFFFFFFF"),
        new("pop with RSP in the address", s_long, "rsp=S-8 s-1=1234", c => c.pop(__qword_ptr[rsp]), "rsp=S s0=1234"),
        new("pop esp", s_flat, "s0=12345678", c => c.pop(esp), "rsp=12345678"),
        new("pusha", s_real, "rax=1 rcx=2 rdx=3 rbx=4 rbp=5 rsi=6 rdi=7", c => c.pusha(), "rsp=S-10 s-1=0001000200030004 s-2=8000000500060007"),
        new("popa", s_real, "rsp=S-10 rax=0 rcx=0 rdx=0 rbx=0 rbp=0 rsi=0 rdi=0 s-1=0001000200030004 s-2=8000000500060007", c => c.popa(), "rsp=S rax=1 rcx=2 rdx=3 rbx=4 rbp=5 rsi=6 rdi=7"),
        new("pushad, popad", s_old, "", c => { c.pushad(); c.popad(); }, ""),
        new("pushf", s_real, "s-1=0 cf zf of", c => c.pushf(), "rsp=S-2 s-1=0843000000000000"),
        new("pushfd", s_old, "s-1=0 cf ac", c => c.pushfd(), "rsp=S-4 s-1=0004000300000000"),
        new("popfd", s_old, "s0=40A47", c => c.popfd(), "rsp=S+4 cf pf zf of if ac"),
        new("popf leaves the upper half", s_every, "s0=247 ac", c => c.AddInstruction(Instruction.Create(Code.Popfw)), "rsp=S+2 cf pf zf if ac"),
        new("iretd, real", s_real, "s0=0000100000000002 s1=40A47", c => { c.iretd(); c.nop(); }, "rsp=S+C cf pf zf of if ac"),
        new("popfq of the user's", s_long, "s0=3247", c => c.popfq(), "rsp=S+8 cf pf zf") { Cpl = 3 },
        new("call and ret, near", s_every, "", c =>
        {
            Label sub = c.CreateLabel(), over = c.CreateLabel();
            c.call(sub);
            c.jmp(over);
            c.Label(ref sub);
            c.mov(eax, 5);
            c.ret();
            c.Label(ref over);
            c.nop();
        }, "rax=5"),
        new("ret that releases", s_real, "s0=2233000000000004", c => { c.ret(6); c.nop(); }, "rsp=S+8"),
        new("far jump", s_real, "", c => { c.AddInstruction(Instruction.CreateBranch(Code.Jmp_ptr1616, 0x1000, 5)); c.nop(); }, ""),
        new("far jump beyond the segment", s_real, "", c => c.AddInstruction(Instruction.CreateBranch(Code.Jmp_ptr1632, 0x1000, 0x10000)), "#13"),
        new("far call beyond the segment", s_real, "", c => c.AddInstruction(Instruction.CreateBranch(Code.Call_ptr1632, 0x1000, 0x10000)), "#13"),
        new("far return beyond the segment", s_real, "s0=0000100000010000", c => c.AddInstruction(Instruction.Create(Code.Retfd)), "#13"),
        new("iret beyond the segment", s_real, "s0=0000100000010000 s1=2", c => c.iretd(), "#13"),
        new("far call and return", s_old, "", c => FarCall(c, c.Bitness == 16 ? Code.Retfw : Code.Retfd, false), "rax=5"),
        new("iret", s_old, "cf df of", c => FarCall(c, c.Bitness == 16 ? Code.Iretw : Code.Iretd, true), "rax=5"),
    ];

    private static IEnumerable<InstructionRow> Strings() =>
    [
        new("movsb", s_every, "", c => c.movsb(), "rsi=D+1 rdi=D+41 m8=DDDDDDDDDDDDDD00"),
        new("movsd downwards", s_every, "df m0=1122334455667788", c => c.movsd(), "m8=DDDDDDDD55667788 ~rsi ~rdi"),
        new("stosw", s_every, "rax=1234", c => c.stosw(), "rdi=D+42 m8=DDDDDDDDDDDD1234"),
        new("lodsb", s_every, "rax=AAAAAAAA m0=12", c => c.lodsb(), "rax=AAAAAA12 rsi=D+1"),
        new("scasb", s_every, "rax=8 m8=8", c => c.scasb(), "rdi=D+41 zf pf"),
        new("cmpsw", s_every, "m0=1 m8=2", c => c.cmpsw(), "rsi=D+2 rdi=D+42 cf pf af sf"),
        new("rep movsb", s_every, "rcx=9 m0=1122334455667788 m1=99", c => c.rep.movsb(), "rcx=0 rsi=D+9 rdi=D+49 m8=1122334455667788 m9=DDDDDDDDDDDDDD99"),
        new("rep of nothing", s_every, "rcx=0", c => c.rep.stosb(), ""),
        new("repe cmpsb", s_every, "rcx=8 m0=1122334455667788 m8=1122330055667788", c => c.repe.cmpsb(), "rcx=3 rsi=D+5 rdi=D+45 pf"),
        new("repne scasb", s_every, "rcx=8 rax=66 m8=1122334455667788", c => c.repne.scasb(), "rcx=5 rdi=D+43 zf pf"),
        new("rep with a 32-bit count", s_long, "rcx=500000002 rax=0", c => c.AddInstruction(Instruction.CreateRepStosb(32)), "rcx=0 rdi=D+42 m8=DDDDDDDDDDDD0000"),
        new("rep with a 16-bit count", s_real, "rcx=50002 rax=0", c => c.rep.stosb(), "rcx=50000 rdi=D+42 m8=DDDDDDDDDDDD0000"),
        new("movsb from fs", s_every, "fsbase=20010 rsi=0", c => c.AddInstruction(Instruction.CreateMovsb(c.Bitness, Register.FS)), "rsi=1 rdi=D+41 m8=DDDDDDDDDDDDDD02"),
        new("in", s_every, "rax=0", c => c.@in(al, 0x80), "rax=FF"),
        new("in of 16 bits", s_every, "rax=0 rdx=80", c => c.@in(ax, dx), "rax=FFFF"),
        new("out", s_every, "", c => { c.@out(0x80, al); c.@out(dx, eax); }, ""),
        new("insb", s_every, "rdx=80", c => c.insb(), "rdi=D+41 m8=DDDDDDDDDDDDDDFF"),
        new("lodsw", s_every, "rax=AAAAAAAA m0=1234", c => c.lodsw(), "rax=AAAA1234 rsi=D+2"),
        new("lodsd", s_every, "m0=87654321", c => c.lodsd(), "rax=87654321 rsi=D+4"),
        new("movsw", s_every, "", c => c.movsw(), "rsi=D+2 rdi=D+42 m8=DDDDDDDDDDDDDD00"),
        new("stosd", s_every, "rax=12345678", c => c.stosd(), "rdi=D+44 m8=DDDDDDDD12345678"),
        new("scasw", s_every, "rax=1 m8=2", c => c.scasw(), "rdi=D+42 cf pf af sf"),
        new("scasd", s_every, "rax=5 m8=5", c => c.scasd(), "rdi=D+44 zf pf"),
        new("outsb", s_every, "rdx=80", c => c.outsb(), "rsi=D+1"),
        new("insw", s_every, "rdx=80", c => c.insw(), "rdi=D+42 m8=DDDDDDDDDDDDFFFF"),
        new("outsd downwards", s_every, "df rsi=D+8", c => c.outsd(), "rsi=D+4"),
        new("rep insd", s_every, "rdx=80 rcx=3", c => c.rep.insd(), "rcx=0 rdi=D+4C m8=FFFFFFFFFFFFFFFF m9=DDDDDDDDFFFFFFFF"),
        new("rep outsw", s_every, "rdx=80 rcx=3", c => c.rep.outsw(), "rcx=0 rsi=D+6"),
    ];

    private static IEnumerable<InstructionRow> System() =>
    [
        new("clts", s_every, "cr0|8", c => c.clts(), "cr0|0"),
        new("clts of the user's", s_protected, "cr0|8", c => c.clts(), "#13:0 cr0|8") { Cpl = 3 },
        new("lmsw, real", s_real, "rax=A", c => c.lmsw(ax), "cr0|A"),
        new("lmsw cannot leave protected mode", s_protected, "rax=A", c => c.lmsw(ax), "cr0|A"),
        new("lmsw of the user's", s_protected, "rax=A", c => c.lmsw(ax), "#13:0") { Cpl = 3 },
        new("smsw", s_real, "cr0|A", c => c.smsw(ebx), "rbx=3A cr0|A"),
        new("smsw, protected", [32], "", c => c.smsw(ebx), "rbx=31"),
        new("smsw to memory is 16 bits", [32], "", c => c.smsw(__word_ptr[esi]), "m0=DDDDDDDDDDDD0031"),
        new("mov cr0", s_flat, "cr0|A", c => { c.mov(eax, cr0); c.and(eax, 0xA); }, "rax=A pf cr0|A"),
        new("mov to cr0", s_old, "", c => { c.mov(eax, cr0); c.or(eax, 0x28); c.mov(cr0, eax); }, "cr0|28 ~rax none ~cf ~pf ~zf ~sf ~af ~of"),
        new("mov cr2", s_old, "rax=1234", c => { c.mov(cr2, eax); c.mov(ebx, cr2); }, "cr2=1234 rbx=1234"),
        new("mov cr2, 64 bits", s_long, "rax=123456789ABCDEF0", c => { c.mov(cr2, rax); c.mov(rbx, cr2); }, "cr2=123456789ABCDEF0 rbx=123456789ABCDEF0"),
        new("mov cr3, no paging", s_real, "rax=5000", c => { c.mov(cr3, eax); c.mov(ebx, cr3); }, "cr3=5000 rbx=5000"),
        new("invpcid, every context", s_old, "rcx=3 m0=0 m1=0", c => c.invpcid(ecx, __xmmword_ptr[esi]), ""),
        new("invpcid, no such type", s_old, "rcx=4 m0=0 m1=0", c => c.invpcid(ecx, __xmmword_ptr[esi]), "#13:0"),
        new("mov cr4", s_every, "", c =>
        {
            if (c.Bitness == 64)
            {
                c.mov(rax, cr4);
                c.or(eax, 4);
                c.mov(cr4, rax);
            }
            else
            {
                c.mov(eax, cr4);
                c.or(eax, 4);
                c.mov(cr4, eax);
            }
        }, "cr4|4 ~rax none ~cf ~pf ~zf ~sf ~af ~of"),
        new("mov cr1", s_old, "", c => c.db(0x0F, 0x20, 0xC8), "#6"),
        new("mov dr", s_old, "rax=1234 dr0=55", c => { c.mov(dr3, eax); c.mov(ebx, dr0); }, "dr3=1234 rbx=55"),
        new("mov dr, 64 bits", s_long, "rax=FFFF123400000000 dr0=55", c => { c.mov(dr3, rax); c.mov(rbx, dr0); }, "dr3=FFFF123400000000 rbx=55"),
        new("mov dr of the user's", s_protected, "", c => c.db(0x0F, 0x21, 0xC0), "#13:0") { Cpl = 3 },
        new("dr6 and dr7 keep fixed bits", s_old, "rax=0", c => { c.mov(dr6, eax); c.mov(dr7, eax); }, "dr6=FFFF0FF0 dr7=400"),
        new("lgdt of 16 bits has a base of 24", s_real, "m0=1122334455667788", c => c.AddInstruction(Memory(Code.Lgdt_m1632_16, 16)), "gdtbase=445566 gdtlimit=7788"),
        new("sgdt", s_old, "", c => c.sgdt(__[esi]), "m0=DDDD0000100000FF"),
        new("lgdt, protected", s_flat, "m0=1122334455667788", c => c.AddInstruction(Memory(Code.Lgdt_m1632, 32)), "gdtbase=33445566 gdtlimit=7788"),
        new("lgdt of 32 bits", s_real, "m0=1122334455667788", c => c.AddInstruction(Memory(Code.Lgdt_m1632, 16)), "gdtbase=33445566 gdtlimit=7788"),
        new("stac", s_every, "", c => c.stac(), "ac"),
        new("clac", s_every, "ac", c => c.clac(), "none"),
        new("stac of the user's", s_protected, "", c => c.stac(), "#6") { Cpl = 3 },
        new("wbinvd, invd", s_every, "", c => { c.wbinvd(); c.invd(); }, ""),
        new("cpuid", s_every, "rax=0", c => c.cpuid(), "~rax rbx=756E6547 rdx=49656E69 rcx=6C65746E"),
        new("rdtsc", s_every, "", c => { c.rdtsc(); c.shr(edx, 31); }, "~rax rdx=0 zf pf ~af"),
        new("rdtscp", s_every, "", c => c.rdtscp(), "~rax ~rdx rcx=0"),
        new("rdpmc of a counter that is not there", s_every, "rcx=5", c => c.rdpmc(), "#13:0"),
        new("wrmsr, rdmsr", s_every, "rcx=C0000103 rax=5 rdx=0", c => { c.wrmsr(); c.xor(eax, eax); c.rdmsr(); }, "zf pf ~af"),
        new("xgetbv", s_every, "cr4|40000 rcx=0", c => c.xgetbv(), "rax=1 rdx=0 cr4|40000"),
        new("xsetbv", s_every, "cr4|40000 rcx=0 rax=3 rdx=0", c => { c.xsetbv(); c.xor(eax, eax); c.xgetbv(); }, "rax=3 zf pf ~af cr4|40000"),
        new("invlpg", s_every, "", c => c.invlpg(__byte_ptr[esi]), ""),
        new("swapgs outside 64-bit code", s_old, "", c => c.db(0x0F, 0x01, 0xF8), "#6"),
        new("rdfsbase outside 64-bit code", s_old, "cr4|10000", c => c.db(0xF3, 0x0F, 0xAE, 0xC0), "#6 cr4|10000"),
        new("sysenter in real mode", s_real, "", c => c.sysenter(), "#13:0"),
    ];

    private static IEnumerable<InstructionRow> Selectors() =>
    [
        new("arpl raises", s_flat, "rax=8 rcx=3", c => c.arpl(ax, cx), "rax=B zf"),
        new("arpl leaves", s_flat, "rax=B rcx=1 zf cf", c => c.arpl(ax, cx), "cf"),
        new("arpl in real mode", s_real, "", c => c.arpl(ax, cx), "#6"),
        new("lar", s_flat, "rcx=10", c => c.lar(eax, ecx), "rax=CF9300 zf"),
        new("lar of nothing", s_flat, "rcx=0 zf", c => c.lar(eax, ecx), "none"),
        new("lsl", s_flat, "rcx=30", c => c.lsl(eax, ecx), "rax=FFFFFFFF zf"),
        new("lsl of 16 bits", s_flat, "rax=AAAA0000 rcx=38", c => c.lsl(ax, cx), "rax=AAAAFFFF zf"),
        new("verr", s_flat, "rcx=10", c => c.verr(cx), "zf"),
        new("verw of code", s_flat, "rcx=30 zf", c => c.verw(cx), "none"),
        new("lar in real mode", s_real, "", c => c.lar(eax, ecx), "#6"),
        new("verr in real mode", s_real, "", c => c.verr(cx), "#6"),
        new("verw in real mode", s_real, "", c => c.verw(cx), "#6"),
        new("lsl in real mode", s_real, "", c => c.lsl(eax, ecx), "#6"),
        new("str in real mode", s_real, "", c => c.str(ax), "#6"),
        new("ltr of a busy TSS", s_flat, "rax=40", c => c.ltr(ax), "#13:40"),
        new("sldt in real mode", s_real, "", c => c.sldt(ax), "#6"),
        new("ltr in real mode", s_real, "", c => c.ltr(ax), "#6"),
        new("str", s_flat, "rax=AAAAAAAA", c => c.str(eax), "rax=40"),
        new("sldt", s_flat, "rax=AAAAAAAA", c => c.sldt(eax), "rax=0"),
        new("mov from a segment register", s_flat, "rax=AAAAAAAA", c => c.mov(eax, ds), "rax=10"),
        new("mov from a segment register to memory", s_every, "", c => c.mov(__word_ptr[esi], cs), "~m0"),
        new("mov to a segment register, real", s_real, "rax=1234", c => c.mov(fs, ax), "fs=1234 fsbase=12340"),
        new("mov to a segment register", s_protected, "rax=23", c => c.mov(gs, ax), "gs=23"),
        new("mov to cs", s_every, "", c => c.db(0x8E, 0xC8), "#6"),
        new("push and pop of a segment register", s_every, "rax=0", c => { c.push(fs); c.pop(gs); }, "~gs ~gsbase"),
        new("pop es, real", s_real, "s0=4321", c => c.pop(es), "es=4321 rsp=S+2"),
        new("lds", s_real, "m0=0000000043219ABC rbx=0", c => c.lds(bx, __dword_ptr[si]), "ds=4321 rbx=9ABC"),
        new("les, real", s_real, "m0=0000000043219ABC rbx=0", c => c.les(bx, __dword_ptr[si]), "es=4321 rbx=9ABC"),
        new("lfs, real", s_real, "m0=0000000043219ABC rbx=0", c => c.lfs(bx, __dword_ptr[si]), "fs=4321 fsbase=43210 rbx=9ABC"),
        new("lgs, real", s_real, "m0=0000000043219ABC rbx=0", c => c.lgs(bx, __dword_ptr[si]), "gs=4321 gsbase=43210 rbx=9ABC"),
        new("lss, real", s_real, "m0=0000000043219ABC rbx=0", c => { c.lss(bx, __dword_ptr[si]); c.nop(); }, "ss=4321 rbx=9ABC"),
        new("lds, protected", s_flat, "m0=0000002312345678", c => c.lds(eax, __fword_ptr[esi]), "rax=12345678 ds=23"),
        new("lfs", s_protected, "m0=0000002300123456", c => c.lfs(eax, __fword_ptr[esi]), "rax=123456 fs=23"),
        new("les", s_flat, "m0=0000002312345678", c => c.les(eax, __fword_ptr[esi]), "rax=12345678 es=23"),
        new("lgs", s_protected, "m0=0000002312345678", c => c.lgs(eax, __fword_ptr[esi]), "rax=12345678 gs=23"),
        new("lss", s_protected, "m0=0000001012345678", c => { c.lss(ebx, __fword_ptr[esi]); c.nop(); }, "rbx=12345678 ss=10"),
    ];

    // The areas of FXSAVE and XSAVE lie behind the data that are compared.
    private static IEnumerable<InstructionRow> Coprocessor() =>
    [
        new("fninit, fnstcw", s_every, "", c => { c.fninit(); c.fnstcw(__word_ptr[esi]); }, "m0=DDDDDDDDDDDD037F"),
        new("fnstsw", s_every, "rax=AAAA1234", c => { c.fninit(); c.fld1(); c.fnstsw(ax); }, "rax=AAAA3800"),
        new("fnstsw to memory", s_every, "", c => { c.fninit(); c.fld1(); c.fnstsw(__word_ptr[esi]); }, "m0=DDDDDDDDDDDD3800"),
        new("division by 0 in the status", s_every, "rax=0", c => { DivideByZero(c); c.fnstsw(ax); }, "rax=3804"),
        new("fnclex", s_every, "rax=0", c => { DivideByZero(c); c.fnclex(); c.fnstsw(ax); }, "rax=3800"),
        new("ffreep", s_every, "rax=1234", c => { c.fninit(); c.fld1(); c.AddInstruction(Instruction.Create(Code.Ffreep_sti, Register.ST0)); c.fnstsw(ax); }, "rax=0"),
        new("fxsave, fxrstor", s_every, "rax=0", c => SaveAndRestore(c, c.fxsave, c.fxrstor), "rax=3800"),
        new("fxsave64, fxrstor64", s_long, "rax=0", c => SaveAndRestore(c, c.fxsave64, c.fxrstor64), "rax=3800"),
        new("xsave, xrstor", s_every, "rax=1 rdx=0 cr4|40000", c => SaveAndRestore(c, c.xsave, c.xrstor), "rax=3800 cr4|40000"),
        new("xsave64, xrstor64", s_long, "rax=1 rdx=0 cr4|40000", c => SaveAndRestore(c, c.xsave64, c.xrstor64), "rax=3800 cr4|40000"),
        new("xsaveopt", s_every, "rax=1 rdx=0 cr4|40000", c => SaveAndRestore(c, c.xsaveopt, c.xrstor), "rax=3800 cr4|40000"),
        new("xsaveopt64", s_long, "rax=1 rdx=0 cr4|40000", c => SaveAndRestore(c, c.xsaveopt64, c.xrstor64), "rax=3800 cr4|40000"),
        new("ldmxcsr, stmxcsr, real", s_real, "m0=00001F0000009FC0 cr4|200", c => { c.ldmxcsr(__dword_ptr[esi]); c.stmxcsr(__dword_ptr[esi + 4]); }, "m0=00009FC000009FC0 cr4|200"),
        new("fxsave, misaligned", s_every, "", c => c.fxsave(__[esi + 8]), "#13:0"),
        new("xsave without OSXSAVE", s_every, "", c => c.xsave(__[esi]), "#6"),
        new("ldmxcsr, stmxcsr", s_protected, "m0=00001F0000009FC0", c => { c.ldmxcsr(__dword_ptr[esi]); c.stmxcsr(__dword_ptr[esi + 4]); }, "m0=00009FC000009FC0"),
    ];

    private static void DivideByZero(Assembler c)
    {
        c.fninit();
        c.fld1();
        c.fldz();
        c.fdivp(st1, st0);
    }

    private static void SaveAndRestore(Assembler c, Action<AssemblerMemoryOperand> save, Action<AssemblerMemoryOperand> restore)
    {
        c.fninit();
        c.fld1();
        save(__[esi + 0x100]);
        c.fninit();
        restore(__[esi + 0x100]);
        c.fnstsw(ax);
    }

    // PUSH CS (with the flags first), CALL, and a far return.
    private static void FarCall(Assembler c, Code back, bool withFlags)
    {
        Label sub = c.CreateLabel(), over = c.CreateLabel();
        if (withFlags)
        {
            if (c.Bitness == 16)
            {
                c.pushf();
            }
            else
            {
                c.pushfd();
            }
        }

        c.push(cs);
        c.call(sub);
        c.jmp(over);
        c.Label(ref sub);
        c.mov(eax, 5);
        if (withFlags)
        {
            c.sahf();
        }

        c.AddInstruction(Instruction.Create(back));
        c.Label(ref over);
        c.nop();
    }

    // An instruction with one operand, at [SI] or [ESI].
    private static Instruction Memory(Code code, int bits) =>
        Instruction.Create(code, new MemoryOperand(bits == 16 ? Register.SI : Register.ESI));
}
