using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Intel SDM vol. 3, table "Alignment Requirements by Data Type" (interrupt 17), and vol. 1, 4.1.1, instruction by instruction.</summary>
internal static class AlignmentRows
{
    private const int Protection = 13;

    /// <summary>All rows.</summary>
    public static IReadOnlyList<AlignmentRow> All { get; } =
    [
        // Integers: as wide as they are.
        new("mov byte", 1, c => c.mov(al, __byte_ptr[esi])), new("mov word", 2, c => c.mov(ax, __word_ptr[esi])),
        new("mov doubleword", 4, c => c.mov(eax, __dword_ptr[esi])), new("store word", 2, c => c.mov(__word_ptr[esi], ax)),
        new("store doubleword", 4, c => c.mov(__dword_ptr[esi], eax)), new("add to memory", 4, c => c.add(__dword_ptr[esi], eax)),
        new("lock add", 4, c => c.@lock.add(__dword_ptr[esi], eax)), new("xchg", 4, c => c.xchg(__dword_ptr[esi], eax)),
        new("cmpxchg", 4, c => c.cmpxchg(__dword_ptr[esi], eax)), new("cmpxchg8b", 8, c => c.cmpxchg8b(__qword_ptr[esi])),
        new("movzx", 2, c => c.movzx(eax, __word_ptr[esi])), new("movbe", 4, c => c.movbe(eax, __dword_ptr[esi])),
        new("cmp", 4, c => c.cmp(eax, __dword_ptr[esi])), new("test", 2, c => c.test(__word_ptr[esi], ax)), new("imul", 4, c => c.imul(eax, __dword_ptr[esi])),
        new("shl", 4, c => c.shl(__dword_ptr[esi], 1)), new("xadd", 2, c => c.xadd(__word_ptr[esi], ax)), new("not", 4, c => c.not(__dword_ptr[esi])),
        new("mov quadword", 8, c => c.mov(rax, __qword_ptr[rsi])) { Bits = 64 }, new("store quadword", 8, c => c.mov(__qword_ptr[rsi], rax)) { Bits = 64 },
        new("mov doubleword, plain address", 4, c => c.mov(eax, __dword_ptr[rsi])) { Bits = 64 },
        new("store doubleword, plain address", 4, c => c.mov(__dword_ptr[rsi], eax)) { Bits = 64 },
        new("add quadword", 8, c => c.add(__qword_ptr[rsi], rax)) { Bits = 64 }, new("movsxd", 4, c => c.movsxd(rax, __dword_ptr[rsi])) { Bits = 64 },
        new("cmpxchg16b", 16, c => c.cmpxchg16b(__xmmword_ptr[rsi])) { Bits = 64, Vector = Protection },
        new("xlatb", 1, c => { c.mov(ebx, esi); c.xlatb(); }), new("lea", 1, c => c.lea(eax, __[esi + 1])), new("nop", 1, c => c.nop(__dword_ptr[esi])),

        // Bit strings: as wide as the operand.
        new("bt by register", 4, c => c.bt(__dword_ptr[esi], eax)), new("bts word", 2, c => c.bts(__word_ptr[esi], 3)),
        new("bt quadword", 8, c => c.bt(__qword_ptr[rsi], 3)) { Bits = 64 },

        // String instructions, element by element.
        new("movsb", 1, c => c.rep.movsb()) { Before = Count }, new("movsw", 2, c => c.movsw()), new("rep movsd", 4, c => c.rep.movsd()) { Before = Count },
        new("rep movsq", 8, c => c.rep.movsq()) { Before = Count, Bits = 64 }, new("lodsd", 4, c => c.lodsd()),
        new("stosd to it", 4, c => c.stosd()) { Before = c => c.mov(edi, esi) }, new("rep stosw to it", 2, c => c.rep.stosw()) { Before = c => { Count(c); c.mov(edi, esi); } },
        new("scasd", 4, c => c.scasd()) { Before = c => c.mov(edi, esi) }, new("cmpsw", 2, c => c.cmpsw()), new("rep of nothing", 1, c => c.rep.movsd()) { Before = c => c.xor(ecx, ecx) },

        // The stack.
        new("push doubleword", 4, c => c.push(eax)) { Bits = 32, IsOnStack = true }, new("pop doubleword", 4, c => c.pop(eax)) { Bits = 32, IsOnStack = true },
        new("push word", 2, c => c.push(ax)) { IsOnStack = true }, new("push quadword", 8, c => c.push(rax)) { Bits = 64, IsOnStack = true },
        new("pop quadword", 8, c => c.pop(rax)) { Bits = 64, IsOnStack = true }, new("push from memory", 4, c => c.push(__dword_ptr[esi])) { Bits = 32 },
        new("pop to memory", 8, c => c.pop(__qword_ptr[esi])) { Bits = 64, Before = c => c.push(rax) }, new("pushad", 4, c => c.pushad()) { Bits = 32, IsOnStack = true },
        new("popaw", 2, c => c.db(0x66, 0x61)) { Bits = 32, IsOnStack = true }, new("pushfd", 4, c => c.pushfd()) { Bits = 32, IsOnStack = true },
        new("pushfq", 8, c => c.pushfq()) { Bits = 64, IsOnStack = true }, new("push segment", 4, c => c.push(ds)) { Bits = 32, IsOnStack = true },
        new("enter", 4, c => c.enter(8, 0)) { Bits = 32, IsOnStack = true }, new("leave", 8, c => c.leave()) { Bits = 64, Before = c => c.mov(ebp, esi) },
        new("call", 4, CallNext) { Bits = 32, IsOnStack = true }, new("call, 64 bits", 8, CallNext) { Bits = 64, IsOnStack = true },

        // Far pointers, descriptor tables, selectors, bounds.
        new("far pointer of 32 bits", 2, c => c.lfs(ax, __dword_ptr[esi])), new("far pointer of 48 bits", 4, c => c.lgs(eax, __fword_ptr[esi])),
        new("sgdt", 4, c => c.sgdt(__[esi])) { Bits = 32, Shift = 2 }, new("sidt", 4, c => c.sidt(__[esi])) { Bits = 32, Shift = 2 },
        new("sldt", 2, c => c.sldt(__word_ptr[esi])) { IsEmulated = true }, new("str", 2, c => c.str(__word_ptr[esi])) { IsEmulated = true }, new("mov from segment", 2, c => c.mov(__word_ptr[esi], ds)),
        new("mov to segment", 2, c => c.mov(fs, __word_ptr[esi])), new("bound", 4, c => c.bound(eax, __qword_ptr[esi])) { Bits = 32, Before = c => c.xor(eax, eax) },

        // x87: 4 and 8 bytes, 8 for those of 10, doublewords or words for environment and state.
        new("fld single", 4, c => c.fld(__dword_ptr[esi])), new("fld double", 8, c => c.fld(__qword_ptr[esi])), new("fld extended", 8, c => c.fld(__tbyte_ptr[esi])),
        new("fst single", 4, c => c.fst(__dword_ptr[esi])) { Before = Push }, new("fstp double", 8, c => c.fstp(__qword_ptr[esi])) { Before = Push },
        new("fstp extended", 8, c => c.fstp(__tbyte_ptr[esi])) { Before = Push }, new("fild word", 2, c => c.fild(__word_ptr[esi])),
        new("fild doubleword", 4, c => c.fild(__dword_ptr[esi])), new("fild quadword", 8, c => c.fild(__qword_ptr[esi])),
        new("fistp quadword", 8, c => c.fistp(__qword_ptr[esi])) { Before = Push }, new("fadd double", 8, c => c.fadd(__qword_ptr[esi])) { Before = Push },
        new("fbld", 8, c => c.fbld(__tbyte_ptr[esi])), new("fbstp", 8, c => c.fbstp(__tbyte_ptr[esi])) { Before = Push },
        new("fnstcw", 2, c => c.fnstcw(__word_ptr[esi])), new("fldcw", 2, c => c.fldcw(__word_ptr[esi])) { Before = c => c.fnstcw(__word_ptr[esi]) },
        new("fnstsw", 2, c => c.fnstsw(__word_ptr[esi])), new("fnstenv", 4, c => c.fnstenv(__[esi])), new("fldenv", 4, c => c.fldenv(__[esi])) { Before = c => c.fnstenv(__[esi]) },
        new("fnsave", 4, c => c.fnsave(__[esi])), new("frstor", 4, c => c.frstor(__[esi])) { Before = c => c.fnsave(__[esi]) },
        new("fnstenv, words", 2, c => c.db(0x66, 0xD9, 0x36)), new("fldenv, words", 2, c => c.db(0x66, 0xD9, 0x26)) { Before = c => c.db(0x66, 0xD9, 0x36) },
        new("fnsave, words", 2, c => c.db(0x66, 0xDD, 0x36)), new("frstor, words", 2, c => c.db(0x66, 0xDD, 0x26)) { Before = c => c.db(0x66, 0xDD, 0x36) },

        // SSE, MMX: #GP for 16 bytes but in the unaligned forms, else as wide as they are.
        new("movaps", 16, c => c.movaps(xmm0, __xmmword_ptr[esi])) { Vector = Protection }, new("movdqa store", 16, c => c.movdqa(__xmmword_ptr[esi], xmm0)) { Vector = Protection },
        new("addps", 16, c => c.addps(xmm0, __xmmword_ptr[esi])) { IsEmulated = true, Vector = Protection }, new("movntps", 16, c => c.movntps(__xmmword_ptr[esi], xmm0)) { Vector = Protection },
        new("movups", 8, c => c.movups(xmm0, __xmmword_ptr[esi])) { AmdAlignment = 16 }, new("movdqu store", 8, c => c.movdqu(__xmmword_ptr[esi], xmm0)) { AmdAlignment = 16 },
        new("movss", 4, c => c.movss(xmm0, __dword_ptr[esi])), new("movsd store", 8, c => c.movsd(__qword_ptr[esi], xmm0)),
        new("movlps", 8, c => c.movlps(xmm0, __qword_ptr[esi])), new("movhpd store", 8, c => c.movhpd(__qword_ptr[esi], xmm0)),
        new("movd", 4, c => c.movd(xmm0, __dword_ptr[esi])), new("movq", 8, c => c.movq(xmm0, __qword_ptr[esi])), new("pinsrw", 2, c => c.pinsrw(xmm0, __word_ptr[esi], 1)),
        new("addss", 4, c => c.addss(xmm0, __dword_ptr[esi])), new("mulsd", 8, c => c.mulsd(xmm0, __qword_ptr[esi])), new("cvtps2pd", 8, c => c.cvtps2pd(xmm0, __qword_ptr[esi])),
        new("cvttss2si", 4, c => c.cvttss2si(eax, __dword_ptr[esi])), new("comisd", 8, c => c.comisd(xmm0, __qword_ptr[esi])), new("movnti", 4, c => c.movnti(__dword_ptr[esi], eax)),
        new("ldmxcsr", 4, c => c.ldmxcsr(__dword_ptr[esi])), new("stmxcsr", 4, c => c.stmxcsr(__dword_ptr[esi])),
        new("movq mm", 8, c => c.movq(mm0, __qword_ptr[esi])), new("paddb mm", 8, c => c.paddb(mm0, __qword_ptr[esi])), new("punpcklbw mm", 4, c => c.punpcklbw(mm0, __dword_ptr[esi])),
        new("fxsave", 16, c => c.fxsave(__[esi])) { IsEmulated = true, Vector = Protection }, new("fxrstor", 16, c => c.fxrstor(__[esi])) { IsEmulated = true, Vector = Protection },
    ];

    private static void Count(Assembler c) => c.mov(ecx, 3);

    private static void Push(Assembler c) => c.fldz();

    private static void CallNext(Assembler c)
    {
        Label next = c.CreateLabel();
        c.call(next);
        c.Label(ref next);
    }
}
