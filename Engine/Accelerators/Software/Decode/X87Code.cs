namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>What an x87 instruction does. The names are Iced's.</summary>
internal enum X87Code
{
    None,
    Fld, Fild, Fbld, Fst, Fstp, Fist, Fistp, Fbstp, Fxch, Fcmovb, Fcmove, Fcmovbe, Fcmovu, Fcmovnb, Fcmovne, Fcmovnbe, Fcmovnu,
    Fld1, Fldl2t, Fldl2e, Fldpi, Fldlg2, Fldln2, Fldz,
    Fadd, Faddp, Fiadd, Fsub, Fsubp, Fisub, Fsubr, Fsubrp, Fisubr, Fmul, Fmulp, Fimul, Fdiv, Fdivp, Fidiv, Fdivr, Fdivrp, Fidivr,
    Fcom, Fcomp, Fcompp, Fucom, Fucomp, Fucompp, Ficom, Ficomp, Fcomi, Fcomip, Fucomi, Fucomip, Ftst, Fxam,
    Fprem, Fprem1, Fscale, Fxtract,
    Fchs, Fabs, Fsqrt, Frndint, Fincstp, Fdecstp, Ffree, Ffreep, Fnop,
    F2xm1, Fyl2x, Fyl2xp1, Fpatan, Fptan, Fsin, Fcos, Fsincos,
}
