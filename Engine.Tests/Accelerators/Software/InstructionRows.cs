using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>What the manual (Intel SDM vol. 2, the instruction's page) says that instructions do. Random ones are compared with hardware elsewhere.</summary>
internal static partial class InstructionRows
{
    private static readonly int[] s_every = [16, 32, 33, 64], s_old = [16, 32, 33], s_real = [16], s_protected = [32, 33, 64], s_flat = [32, 33], s_long = [64];

    /// <summary>All rows.</summary>
    public static IReadOnlyList<InstructionRow> All { get; } = [.. General(), .. Addresses(), .. Bits(), .. Frames(), .. Strings(), .. System(), .. Selectors(), .. Coprocessor(), .. Branches()];

    private static IEnumerable<InstructionRow> General() =>
    [
        // Decimal arithmetic.
        new("daa, both digits", s_old, "rax=AE of sf", c => c.daa(), "rax=14 cf pf af ~of"),
        new("daa, no digit", s_old, "rax=42", c => c.daa(), "rax=42 pf ~of"),
        new("das", s_old, "rax=EE cf pf af sf", c => c.das(), "rax=88 cf pf af sf ~of"),
        new("aaa", s_old, "rax=F", c => c.aaa(), "rax=105 cf af ~of ~sf ~zf ~pf"),
        new("aaa, nothing to do", s_old, "rax=203", c => c.aaa(), "rax=203 none ~of ~sf ~zf ~pf"),
        new("aas", s_old, "rax=201 af", c => c.aas(), "rax=B cf af ~of ~sf ~zf ~pf"),
        new("aam", s_old, "rax=3F", c => c.aam(10), "rax=603 pf ~of ~af ~cf"),
        new("aam by 0", s_old, "rax=3F", c => c.aam(0), "#0"),
        new("aad", s_old, "rax=603", c => c.aad(10), "rax=3F pf ~of ~af ~cf"),
        new("salc, set", s_old, "rax=1234 cf", c => c.salc(), "rax=12FF"),
        new("salc, clear", s_old, "rax=1234", c => c.salc(), "rax=1200"),

        // Counted branches.
        new("loop, taken", s_every, "rcx=2", c => Over(c, c.loop), "rcx=1"),
        new("loop, over", s_every, "rcx=1", c => Over(c, c.loop), "rcx=0 rbx=77"),
        new("loop counts CX", s_real, "rcx=10001", c => Over(c, c.loop), "rcx=10000 rbx=77"),
        new("loop counts ECX", s_flat, "rcx=10001", c => Over(c, c.loop), "rcx=10000"),
        new("loope, equal", s_every, "rcx=2 zf", c => Over(c, c.loope), "rcx=1"),
        new("loope, not equal", s_every, "rcx=2", c => Over(c, c.loope), "rcx=1 rbx=77"),
        new("loopne, equal", s_every, "rcx=2 zf", c => Over(c, c.loopne), "rcx=1 rbx=77"),
        new("loopne, not equal", s_every, "rcx=2", c => Over(c, c.loopne), "rcx=1"),
        new("jcxz, zero", s_real, "rcx=10000", c => Over(c, c.jcxz), ""),
        new("jcxz in 32-bit code", s_flat, "rcx=10000", c => OverBytes(c, 0x67, 0xE3), ""),
        new("jcxz, not zero", s_old, "rcx=1", c => Over(c, c.jcxz), "rbx=77"),
        new("jecxz", s_old, "rcx=0", c => Over(c, c.jecxz), ""),
        new("jecxz, not zero", s_old, "rcx=10000", c => Over(c, c.jecxz), "rbx=77"),
        new("jecxz looks at half", s_long, "rcx=100000000", c => OverBytes(c, 0x67, 0xE3), ""),
        new("jrcxz", s_long, "rcx=100000000", c => Over(c, c.jrcxz), "rbx=77"),

        // Exchanges.
        new("xadd", s_every, "rbx=7FFFFFFF rax=1", c => c.xadd(ebx, eax), "rbx=80000000 rax=7FFFFFFF of sf af pf"),
        new("xadd, locked", s_every, "m0=FF rax=102", c => c.@lock.xadd(__byte_ptr[esi], al), "m0=1 rax=1FF cf af"),
        new("xadd with itself", s_every, "rbx=5", c => c.xadd(ebx, ebx), "rbx=A pf"),
        new("cmpxchg, equal", s_every, "rax=5 rbx=5 rcx=9", c => c.cmpxchg(ebx, ecx), "rbx=9 zf pf"),
        new("cmpxchg, not equal", s_every, "rax=4 rbx=5 rcx=9", c => c.cmpxchg(ebx, ecx), "rax=5 cf af sf pf"),
        new("cmpxchg8b, equal", s_every, "rax=33221100 rdx=77665544 m0=7766554433221100 rbx=1 rcx=2 cf of", c => c.cmpxchg8b(__qword_ptr[esi]), "m0=200000001 cf of zf"),
        new("cmpxchg8b, not equal", s_every, "rax=0 rdx=0 m0=7766554433221100 zf sf", c => c.@lock.cmpxchg8b(__qword_ptr[esi]), "rax=33221100 rdx=77665544 sf"),
        new("cmpxchg16b, equal", s_long, "rax=1 rdx=2 m0=1 m1=2 rbx=3 rcx=4", c => c.cmpxchg16b(__xmmword_ptr[rsi]), "m0=3 m1=4 zf"),
        new("cmpxchg16b, not equal", s_long, "rax=1 rdx=3 m0=1 m1=2 zf", c => c.cmpxchg16b(__xmmword_ptr[rsi]), "rdx=2 none"),
        new("cmpxchg16b, misaligned", s_long, "", c => c.cmpxchg16b(__xmmword_ptr[rsi + 8]), "#13:0"),
        new("xchg", s_every, "rax=1 m0=2", c => c.xchg(__dword_ptr[esi], eax), "rax=2 m0=1"),
        new("xlat in fs", s_every, "rbx=2 rax=1101 fsbase=20000 m0=8877665544332211", c => c.db(0x64, 0xD7), "rax=1144"),
        new("xlat", s_every, "rbx=D rax=1103 m0=8877665544332211", c => c.xlatb(), "rax=1144"),

        // Flags.
        new("lahf", s_every, "rax=0 cf zf sf", c => c.lahf(), "rax=C300"),
        new("sahf", s_every, "rax=5500 of sf", c => c.sahf(), "of cf pf af zf"),
        new("cmc", s_every, "cf of", c => c.cmc(), "of"),
        new("std", s_every, "cf", c => c.std(), "cf df"),
        new("cld", s_every, "cf df", c => c.cld(), "cf"),
        new("cli", s_every, "if", c => c.cli(), "none"),
        new("sti", s_every, "", c => { c.sti(); c.nop(); }, "if"),
        new("cli of the user's", s_protected, "if", c => c.cli(), "#13:0") { Cpl = 3 },
        new("into, no overflow", s_old, "cf", c => c.into(), ""),
        new("bound, inside", s_old, "rbx=5 m0=0000000500000001", c => c.bound(ebx, __qword_ptr[esi]), ""),
        new("bound, below", s_old, "rbx=FFFFFFFF m0=0000000500000000", c => c.bound(ebx, __qword_ptr[esi]), "#5"),
        new("bound, above", s_old, "rbx=6 m0=0000000500000000", c => c.bound(ebx, __qword_ptr[esi]), "#5"),
        new("div by 0", s_every, "rcx=0", c => c.div(ecx), "#0"),
        new("div, too large", s_every, "rax=0 rdx=2 rcx=2", c => c.div(ecx), "#0"),
        new("idiv of the smallest", s_every, "rax=80000000 rdx=FFFFFFFF rcx=FFFFFFFF", c => c.idiv(ecx), "#0"),
        new("imul, signed overflow", s_every, "rax=10000 rcx=10000", c => c.imul(eax, ecx), "rax=0 cf of ~sf ~zf ~af ~pf"),
        new("imul by a constant", s_every, "rcx=FFFFFFFF", c => c.imul(eax, ecx, 5), "rax=FFFFFFFB none ~sf ~zf ~af ~pf"),
        new("mul", s_every, "rax=80000000 rcx=6", c => c.mul(ecx), "rax=0 rdx=3 cf of ~sf ~zf ~af ~pf"),
        new("cbw", s_every, "rax=1280", c => c.cbw(), "rax=FF80"),
        new("cwd", s_every, "rax=8000 rdx=0", c => c.cwd(), "rdx=FFFF"),
        new("no operation", s_every, "cf", c => { c.nop(); c.pause(); c.endbr64(); c.endbr32(); c.lfence(); c.mfence(); c.sfence(); }, ""),
        new("prefetch", s_every, "rax=7FFFFFF0", c => { c.prefetcht0(__byte_ptr[eax]); c.prefetchnta(__byte_ptr[eax]); c.prefetchw(__byte_ptr[eax]); }, ""),
        new("ud2", s_every, "", c => c.ud2(), "#6"),
        new("ud1", s_every, "", c => c.ud1(eax, ecx), "#6"),
        new("ud0", s_every, "", c => c.ud0(eax, ecx), "#6"),
        new("lock of what cannot be locked", s_every, "", c => c.db(0xF0, 0x01, 0xC8), "#6"),
        new("lock of a load", s_every, "", c => c.db(0xF0, 0x8B, 0x07), "#6"),
        new("crc32 is not offered", s_every, "", c => c.crc32(eax, ecx), "#6"),
    ];

    private static IEnumerable<InstructionRow> Addresses() =>
    [
        new("[bx+si]", s_real, "rbx=8 rsi=8", c => c.mov(eax, __dword_ptr[bx + si]), "rax=DDDDDD02"),
        new("[bx+di+8]", s_real, "rbx=8 rdi=8", c => c.mov(eax, __dword_ptr[bx + di + 8]), "rax=DDDDDD03"),
        new("[bp+si]", s_real, "rbp=S-10 rsi=8 s-1=1122334455667788", c => c.mov(eax, __dword_ptr[bp + si]), "rax=55667788"),
        new("[bp+di-8]", s_real, "rbp=S rdi=0 s-1=1122334455667788", c => c.mov(eax, __dword_ptr[bp + di - 8]), "rax=55667788"),
        new("[si]", s_real, "rsi=18", c => c.mov(eax, __dword_ptr[si]), "rax=DDDDDD03"),
        new("[di]", s_real, "rdi=20", c => c.mov(eax, __dword_ptr[di]), "rax=DDDDDD04"),
        new("[bp-8]", s_real, "rbp=S s-1=1122334455667788", c => c.mov(eax, __dword_ptr[bp - 8]), "rax=55667788"),
        new("[bx]", s_real, "rbx=8", c => c.mov(eax, __dword_ptr[bx]), "rax=DDDDDD01"),
        new("[disp16]", s_real, "", c => c.mov(eax, __dword_ptr[0x10]), "rax=DDDDDD02"),
        new("[bx+si] goes round at 64 KiB", s_real, "rbx=FFF0 rsi=18", c => c.mov(eax, __dword_ptr[bx + si]), "rax=DDDDDD01"),
        new("the upper half of BX does not count", s_real, "rbx=FFFF0008", c => c.mov(eax, __dword_ptr[bx]), "rax=DDDDDD01"),
        new("beyond the segment", s_real, "rbx=FFFE", c => c.mov(eax, __dword_ptr[bx]), "#13"),
        new("beyond the stack segment", s_real, "rbp=FFFE", c => c.mov(eax, __dword_ptr[bp]), "#12"),
        new("32-bit address in 16-bit code", s_real, "rax=8 rcx=2", c => c.mov(edx, __dword_ptr[eax + (ecx * 8) + 8]), "rdx=DDDDDD04"),
        new("32-bit address beyond the segment", s_real, "rax=10000", c => c.mov(edx, __dword_ptr[eax]), "#13"),
        new("16-bit address in 32-bit code", s_flat, "rbx=FFFF8000 rsi=9000", c => c.lea(eax, __[bx + si]), "rax=1000"),
        new("16-bit address with a base", s_flat, "rbx=12340010 fsbase=20000", c => c.mov(eax, __dword_ptr.fs[bx]), "rax=DDDDDD02"),
        new("32-bit address in 64-bit code", s_long, "rbx=FFFFFFFF00020000 rcx=FFFFFFFF00000002", c => c.mov(eax, __dword_ptr[ebx + (ecx * 8)]), "rax=DDDDDD02"),
        new("32-bit lea in 64-bit code", s_long, "rbx=FFFFFFFF80000000 rcx=80000004", c => c.lea(rax, __[ebx + ecx]), "rax=4"),
        new("lea of 16 bits", s_every, "rax=AAAA0000 rbx=12345678", c => c.lea(ax, __[ebx]), "rax=AAAA5678"),
        new("fs", s_every, "fsbase=20008", c => c.mov(eax, __dword_ptr.fs[8]), "rax=DDDDDD02"),
        new("gs", s_every, "gsbase=20008", c => c.mov(eax, __dword_ptr.gs[8]), "rax=DDDDDD02"),
        new("ds has no base in 64-bit code", s_long, "rbx=D", c => c.mov(eax, __dword_ptr.ds[rbx + 8]), "rax=DDDDDD01"),
        new("movzx, movsx", s_every, "m0=80", c => { c.movzx(eax, __byte_ptr[esi]); c.movsx(ecx, __byte_ptr[esi]); }, "rax=80 rcx=FFFFFF80"),
        new("movsxd", s_long, "rcx=80000000", c => c.movsxd(rax, ecx), "rax=FFFFFFFF80000000"),
        new("movnti", s_every, "rax=12345678", c => c.movnti(__dword_ptr[esi], eax), "m0=DDDDDDDD12345678"),
    ];

    private static IEnumerable<InstructionRow> Bits() =>
    [
        new("movbe load", s_every, "m0=8877665544332211", c => c.movbe(eax, __dword_ptr[esi]), "rax=11223344"),
        new("movbe store of 16 bits", s_every, "rcx=1234", c => c.movbe(__word_ptr[esi + 8], cx), "m1=DDDDDDDDDDDD3412"),
        new("movbe load of 64 bits", s_long, "m0=8877665544332211", c => c.movbe(rax, __qword_ptr[rsi]), "rax=1122334455667788"),
        new("bswap", s_every, "rax=12345678", c => c.bswap(eax), "rax=78563412"),
        new("bt with a negative index", s_every, "m0=8000000000000000 m1=0 rcx=FFFFFFFF", c => c.bts(__dword_ptr[esi + 8], ecx), "cf ~of ~sf ~af ~pf"),
        new("btc beyond the operand", s_every, "m0=0 m1=0 rcx=41 zf", c => c.btc(__dword_ptr[esi], ecx), "m1=2 zf ~of ~sf ~af ~pf"),
        new("btr of a register", s_every, "rax=FF rcx=23", c => c.btr(eax, ecx), "rax=F7 cf ~of ~sf ~af ~pf"),
        new("bsf", s_every, "rcx=50", c => c.bsf(eax, ecx), "rax=4 none ~cf ~of ~sf ~af ~pf"),
        new("bsr", s_every, "rcx=50", c => c.bsr(eax, ecx), "rax=6 none ~cf ~of ~sf ~af ~pf"),
        new("popcnt", s_every, "rcx=F0F1 cf of sf", c => c.popcnt(eax, ecx), "rax=9 none"),
        new("lzcnt", s_every, "rax=AAAA0000 rcx=F0", c => c.lzcnt(ax, cx), "rax=AAAA0008 none ~of ~sf ~af ~pf"),
        new("tzcnt of 0", s_every, "rax=AAAA0000 rcx=F0000", c => c.tzcnt(ax, cx), "rax=AAAA0010 cf ~of ~sf ~af ~pf"),
        new("shld", s_every, "rax=80000001 rcx=F0000000", c => c.shld(eax, ecx, 4), "rax=1F none ~of ~af"),
        new("rcl", s_every, "rax=80000000 cf", c => c.rcl(eax, 1), "rax=1 cf of"),
        new("adcx", s_every, "rax=FFFFFFFF rcx=0 cf of sf", c => c.adcx(eax, ecx), "rax=0 cf of sf"),
        new("adox", s_every, "rax=FFFFFFFE rcx=1 cf of", c => c.adox(eax, ecx), "rax=0 cf of"),

        new("andn", s_protected, "rcx=F0F0 rdx=FFFF cf of", c => c.andn(eax, ecx, edx), "rax=F0F none ~af ~pf"),
        new("bextr", s_protected, "rcx=12345678 rdx=804 cf of", c => c.bextr(eax, ecx, edx), "rax=67 none ~af ~sf ~pf"),
        new("bextr beyond", s_protected, "rcx=12345678 rdx=FF20", c => c.bextr(eax, ecx, edx), "rax=0 zf ~af ~sf ~pf"),
        new("blsi", s_protected, "rcx=58", c => c.blsi(eax, ecx), "rax=8 cf ~af ~pf"),
        new("blsr", s_protected, "rcx=58 cf", c => c.blsr(eax, ecx), "rax=50 none ~af ~pf"),
        new("blsr of 0", s_protected, "rcx=0", c => c.blsr(eax, ecx), "rax=0 cf zf ~af ~pf"),
        new("blsmsk", s_protected, "rcx=58 cf", c => c.blsmsk(eax, ecx), "rax=F none ~af ~pf"),
        new("bzhi", s_protected, "rcx=FFFF rdx=105", c => c.bzhi(eax, ecx, edx), "rax=1F none ~af ~pf"),
        new("bzhi of all", s_protected, "rcx=FFFF rdx=20", c => c.bzhi(eax, ecx, edx), "rax=FFFF cf ~af ~pf"),
        new("mulx", s_protected, "rdx=80000000 rbx=6 rcx=1 cf", c => c.mulx(eax, ecx, ebx), "rax=3 rcx=0"),
        new("mulx, both halves in one", s_protected, "rdx=80000000 rbx=6", c => c.mulx(eax, eax, ebx), "rax=3"),
        new("pdep", s_protected, "rcx=5 rdx=1110 of", c => c.pdep(eax, ecx, edx), "rax=1010"),
        new("pext", s_protected, "rcx=1010 rdx=1110", c => c.pext(eax, ecx, edx), "rax=5"),
        new("rorx", s_protected, "rcx=12345678 cf", c => c.rorx(eax, ecx, 4), "rax=81234567"),
        new("sarx", s_protected, "rcx=80000000 rdx=24", c => c.sarx(eax, ecx, edx), "rax=F8000000"),
        new("shlx", s_protected, "rcx=80000001 rdx=24 cf", c => c.shlx(eax, ecx, edx), "rax=10"),
        new("shrx", s_protected, "rcx=80000000 rdx=24", c => c.shrx(eax, ecx, edx), "rax=8000000"),
        new("mulx of 64 bits", s_long, "rdx=8000000000000000 rbx=6", c => c.mulx(rax, rcx, rbx), "rax=3 rcx=0"),
        // VEX is for protected mode (SDM vol. 2, 2.6.10: exception class 13).
        new("andn in real mode", s_real, "", c => c.andn(eax, ecx, edx), "#6"),
        new("shlx in real mode", s_real, "", c => c.shlx(eax, ecx, edx), "#6"),
        new("rorx in real mode", s_real, "", c => c.rorx(eax, ecx, 4), "#6"),
    ];

    // Each condition with flags for which it holds, and with flags for which it does not.
    private static IEnumerable<InstructionRow> Branches()
    {
        (string Name, Action<Assembler, Label> Emit, string Holds, string Not)[] conditions =
        [
            ("jo", (c, l) => c.jo(l), "of cf", "cf zf sf pf"), ("jno", (c, l) => c.jno(l), "cf zf sf pf", "of"),
            ("jb", (c, l) => c.jb(l), "cf", "zf of sf pf"), ("jae", (c, l) => c.jae(l), "zf of sf pf", "cf"),
            ("je", (c, l) => c.je(l), "zf", "cf of sf pf"), ("jne", (c, l) => c.jne(l), "cf of sf pf", "zf"),
            ("jbe", (c, l) => c.jbe(l), "zf sf", "sf of pf"), ("ja", (c, l) => c.ja(l), "sf of pf", "cf"),
            ("js", (c, l) => c.js(l), "sf", "cf of zf pf"), ("jns", (c, l) => c.jns(l), "cf of zf pf", "sf"),
            ("jp", (c, l) => c.jp(l), "pf", "cf of zf sf"), ("jnp", (c, l) => c.jnp(l), "cf of zf sf", "pf"),
            ("jl", (c, l) => c.jl(l), "sf", "sf of zf"), ("jge", (c, l) => c.jge(l), "sf of", "of zf"),
            ("jle", (c, l) => c.jle(l), "zf sf of", "sf of cf"), ("jg", (c, l) => c.jg(l), "sf of cf", "zf"),
        ];
        foreach ((string name, Action<Assembler, Label> emit, string holds, string not) in conditions)
        {
            yield return new(name + ", taken", s_every, holds, c => Over(c, label => emit(c, label)), "");
            yield return new(name + ", not taken", s_every, not, c => Over(c, label => emit(c, label)), "rbx=77");
        }
    }

    // The same in bytes, for forms that the assembler has no name for: 5 bytes are jumped over.
    private static void OverBytes(Assembler c, params byte[] branch)
    {
        c.db([.. branch, 5]);
        c.mov(ebx, 0x77);
        c.nop();
    }

    // Sets RBX where the branch is not taken.
    private static void Over(Assembler c, Action<Label> branch)
    {
        Label over = c.CreateLabel();
        branch(over);
        c.mov(ebx, 0x77);
        c.Label(ref over);
        c.nop();
    }
}
