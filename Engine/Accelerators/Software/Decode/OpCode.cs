namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>What a decoded instruction does.</summary>
internal enum OpCode : ushort
{
    Undefined,
    TooLong,
    FetchFault,
    Nop,

    // Most frequent forms, without a look at where operands are.
    MovReg64, MovReg32, MovImm, MovLoad64, MovLoad32, MovStore64, MovStore32,
    AddReg, AddImm, SubReg, SubImm, CmpReg, CmpImm, TestReg, AndReg, AndImm, OrReg, XorReg, IncReg, DecReg,

    Mov, Movzx, Movsx, Lea, Xchg, Push, Pop, Pusha, Popa, Pushf, Popf,
    Add, Adc, Sub, Sbb, And, Or, Xor, Cmp, Test, Inc, Dec, Neg, Not,
    Shl, Shr, Sar, Rol, Ror, Rcl, Rcr, Shld, Shrd,
    Mul, Imul1, Imul2, Imul3, Div, Idiv,
    Bt, Bts, Btr, Btc, Bsf, Bsr, Popcnt, Lzcnt, Tzcnt, Bswap, Movbe, Crc32,
    Andn, Blsi, Blsr, Blsmsk, Bextr, Bzhi, Mulx, Pdep, Pext, Rorx, Sarx, Shlx, Shrx, Adcx, Adox,
    Cmpxchg, Cmpxchg8b, Cmpxchg16b, Xadd,
    Setcc, Cmovcc, Jcc, Jmp, JmpIndirect, Call, CallIndirect, Ret, Jcxz, Loop, Loope, Loopne,
    Cbw, Cwd, Lahf, Sahf, Clc, Stc, Cmc, Cld, Std, Xlat,
    Aaa, Aas, Aam, Aad, Daa, Das, Salc, Bound, Into,
    Movs, Stos, Lods, Scas, Cmps, Ins, Outs, In, Out,
    Enter, Leave,
    Int, Int3, Int1, Iret, Ud,
    JmpFar, CallFar, RetFar, Lds,
    Cli, Sti, Hlt, Pause, Cpuid, Rdtsc, Rdtscp, Rdpmc, Rdmsr, Wrmsr, Vmcall, Vmmcall,
    MovFromCr, MovToCr, MovFromDr, MovToDr, Clts, Lmsw, Smsw, Invlpg, Invpcid, Wbinvd,
    Lgdt, Lidt, Sgdt, Sidt, Lldt, Sldt, Ltr, Str, Lar, Lsl, Verr, Verw, Arpl,
    MovFromSeg, MovToSeg, PushSeg, PopSeg, Swapgs, Rdfsbase, Rdgsbase, Wrfsbase, Wrgsbase,
    Syscall, Sysret, Sysenter, Sysexit, Clac, Stac, Fence, Clflush, Xgetbv, Xsetbv,
    Fninit, Fwait, Fnclex, Fxsave, Fxrstor, Xsave, Xrstor, Ldmxcsr, Stmxcsr, Fnstcw, Fldcw, Fnstsw, Fnstenv, Fldenv, Fnsave, Frstor,
    X87,

    // SSE and SSE2: moves, then what takes two whole registers, then arithmetic, whose forms follow each other as PS, PD, SS, SD.
    Movaps, Movapd, Movdqa, Movntps, Movntpd, Movntdq, Movups, Movupd, Movdqu,
    Movss, MovsdXmm, MovLow, MovLowOut, Movhps, Movhpd, Movlps, Movlpd, Movhlps, Movlhps,
    Movmskps, Movmskpd, Pmovmskb, Maskmovdqu, Pextrw, Pinsrw,
    Andps, Andpd, Pand, Andnps, Andnpd, Pandn, Orps, Orpd, Por, Xorps, Xorpd, Pxor,
    Shufps, Shufpd, Pshufd, Pshuflw, Pshufhw, Unpcklps, Unpcklpd, Unpckhps, Unpckhpd,
    Punpcklbw, Punpcklwd, Punpckldq, Punpcklqdq, Punpckhbw, Punpckhwd, Punpckhdq, Punpckhqdq, Packsswb, Packssdw, Packuswb,
    Paddb, Paddw, Paddd, Paddq, Paddsb, Paddsw, Paddusb, Paddusw, Psubb, Psubw, Psubd, Psubq, Psubsb, Psubsw, Psubusb, Psubusw,
    Pmullw, Pmulhw, Pmulhuw, Pmuludq, Pmaddwd, Psadbw, Pavgb, Pavgw, Pminub, Pminsw, Pmaxub, Pmaxsw,
    Pcmpeqb, Pcmpeqw, Pcmpeqd, Pcmpgtb, Pcmpgtw, Pcmpgtd,
    Psllw, Pslld, Psllq, Psrlw, Psrld, Psrlq, Psraw, Psrad, Pslldq, Psrldq,
    Addps, Addpd, Addss, Addsd, Mulps, Mulpd, Mulss, Mulsd, Subps, Subpd, Subss, Subsd, Minps, Minpd, Minss, Minsd,
    Divps, Divpd, Divss, Divsd, Maxps, Maxpd, Maxss, Maxsd, Sqrtps, Sqrtpd, Sqrtss, Sqrtsd, Cmpps, Cmppd, Cmpss, CmpsdXmm,
    Rcpps, Rcpss, Rsqrtps, Rsqrtss, Comiss, Comisd, Ucomiss, Ucomisd,
    Cvtdq2ps, Cvtps2dq, Cvttps2dq, Cvtdq2pd, Cvtpd2dq, Cvttpd2dq, Cvtps2pd, Cvtpd2ps, Cvtss2sd, Cvtsd2ss, Cvtsi2ss, Cvtsi2sd,
    Cvtss2si, Cvttss2si, Cvtsd2si, Cvttsd2si,

    // Only with MM registers; what MMX has else are forms of the ones above, with OpFlags.Mm.
    Emms, Pshufw, Movq2dq, Movdq2q,
}
