using Iced.Intel;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Iced's mnemonics to ours. Most have the same name; the rest are forms of one.</summary>
internal static class OpTable
{
    private static readonly OpCode[] s_codes = Build();

    public static OpCode Of(Mnemonic mnemonic) => s_codes[(int)mnemonic];

    private static OpCode[] Build()
    {
        OpCode[] codes = new OpCode[Enum.GetValues<Mnemonic>().Length];
        foreach (OpCode code in Enum.GetValues<OpCode>())
        {
            if (code > OpCode.Nop && Enum.TryParse(code.ToString(), out Mnemonic mnemonic))
            {
                codes[(int)mnemonic] = code;
            }
        }

        codes[(int)Mnemonic.Loop] = OpCode.Loop;
        Map(OpCode.Nop, Mnemonic.Nop, Mnemonic.Reservednop, Mnemonic.Endbr32, Mnemonic.Endbr64, Mnemonic.Prefetch, Mnemonic.Prefetchw,
            Mnemonic.Prefetcht0, Mnemonic.Prefetcht1, Mnemonic.Prefetcht2, Mnemonic.Prefetchnta, Mnemonic.Prefetchwt1);
        Map(OpCode.Movsx, Mnemonic.Movsxd);
        Map(OpCode.Shl, Mnemonic.Sal);
        Map(OpCode.RetFar, Mnemonic.Retf);
        Map(OpCode.Iret, Mnemonic.Iret, Mnemonic.Iretd, Mnemonic.Iretq);
        Map(OpCode.Cbw, Mnemonic.Cwde, Mnemonic.Cdqe);
        Map(OpCode.Cwd, Mnemonic.Cdq, Mnemonic.Cqo);
        Map(OpCode.Pusha, Mnemonic.Pushad);
        Map(OpCode.Popa, Mnemonic.Popad);
        Map(OpCode.Pushf, Mnemonic.Pushfd, Mnemonic.Pushfq);
        Map(OpCode.Popf, Mnemonic.Popfd, Mnemonic.Popfq);
        Map(OpCode.Ud, Mnemonic.Ud0, Mnemonic.Ud1, Mnemonic.Ud2);
        Map(OpCode.Movs, Mnemonic.Movsb, Mnemonic.Movsw, Mnemonic.Movsd, Mnemonic.Movsq);
        Map(OpCode.Stos, Mnemonic.Stosb, Mnemonic.Stosw, Mnemonic.Stosd, Mnemonic.Stosq);
        Map(OpCode.Lods, Mnemonic.Lodsb, Mnemonic.Lodsw, Mnemonic.Lodsd, Mnemonic.Lodsq);
        Map(OpCode.Scas, Mnemonic.Scasb, Mnemonic.Scasw, Mnemonic.Scasd, Mnemonic.Scasq);
        Map(OpCode.Cmps, Mnemonic.Cmpsb, Mnemonic.Cmpsw, Mnemonic.Cmpsd, Mnemonic.Cmpsq);
        Map(OpCode.Ins, Mnemonic.Insb, Mnemonic.Insw, Mnemonic.Insd);
        Map(OpCode.Outs, Mnemonic.Outsb, Mnemonic.Outsw, Mnemonic.Outsd);
        Map(OpCode.Lds, Mnemonic.Lds, Mnemonic.Les, Mnemonic.Lss, Mnemonic.Lfs, Mnemonic.Lgs);
        Map(OpCode.Jcxz, Mnemonic.Jecxz, Mnemonic.Jrcxz);
        Map(OpCode.Fence, Mnemonic.Lfence, Mnemonic.Mfence, Mnemonic.Sfence);
        Map(OpCode.Xlat, Mnemonic.Xlatb);
        Map(OpCode.Fwait, Mnemonic.Wait);
        Map(OpCode.Wbinvd, Mnemonic.Invd);
        Map(OpCode.Sysret, Mnemonic.Sysretq);
        Map(OpCode.Sysexit, Mnemonic.Sysexitq);
        Map(OpCode.Imul2, Mnemonic.Imul);
        Map(OpCode.Fxsave, Mnemonic.Fxsave64);
        Map(OpCode.Fxrstor, Mnemonic.Fxrstor64);
        Map(OpCode.Xsave, Mnemonic.Xsave64);
        Map(OpCode.Xrstor, Mnemonic.Xrstor64);
        Map(OpCode.Mov, Mnemonic.Movnti);
        Map(OpCode.MovLow, Mnemonic.Movd, Mnemonic.Movq, Mnemonic.Movntq);
        Map(OpCode.Maskmovdqu, Mnemonic.Maskmovq);
        Map(OpCode.Cvtdq2ps, Mnemonic.Cvtpi2ps);
        Map(OpCode.Cvtdq2pd, Mnemonic.Cvtpi2pd);
        Map(OpCode.Cvtps2dq, Mnemonic.Cvtps2pi);
        Map(OpCode.Cvttps2dq, Mnemonic.Cvttps2pi);
        Map(OpCode.Cvtpd2dq, Mnemonic.Cvtpd2pi);
        Map(OpCode.Cvttpd2dq, Mnemonic.Cvttpd2pi);
        Map(OpCode.Xsave, Mnemonic.Xsaveopt, Mnemonic.Xsaveopt64);
        return codes;

        void Map(OpCode code, params ReadOnlySpan<Mnemonic> mnemonics)
        {
            foreach (Mnemonic mnemonic in mnemonics)
            {
                codes[(int)mnemonic] = code;
            }
        }
    }
}
