using Iced.Intel;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>
/// Random forms of SSE's and SSE2's instructions on XMM0 to XMM3, RAX, RCX and 32 bytes of memory at RDI or EDI; or of those of MMX's, SSE's and
/// SSE2's that take MM registers.
/// </summary>
internal sealed class RandomSseInstructions(Random random, int bits = 64, bool isMm = false)
{
    private static readonly Code[] s_xmmCodes = [.. Enum.GetValues<Code>().Where(code => IsUsable(code, isMm: false))];
    private static readonly Code[] s_mmCodes = [.. Enum.GetValues<Code>().Where(code => IsUsable(code, isMm: true))];
    private static readonly Code[] s_xmmCodes32 = [.. s_xmmCodes.Where(IsIn32BitCode)];
    private static readonly Code[] s_mmCodes32 = [.. s_mmCodes.Where(IsIn32BitCode)];
    private readonly Code[] _codes = bits == 64 ? isMm ? s_mmCodes : s_xmmCodes : isMm ? s_mmCodes32 : s_xmmCodes32;

    /// <summary>What is made.</summary>
    public static IEnumerable<Mnemonic> Mnemonics => s_xmmCodes.Concat(s_mmCodes).Select(code => code.Mnemonic());

    /// <summary>Makes an instruction.</summary>
    public Instruction Next()
    {
        for (; ; )
        {
            Code code = _codes[random.Next(_codes.Length)];
            if (TryMake(code, out Instruction instruction))
            {
                return instruction;
            }
        }
    }

    /// <summary>An instruction of 32-bit code as one of 64-bit code.</summary>
    public static Instruction Widen(Instruction instruction)
    {
        for (int n = 0; n < instruction.OpCount; n++)
        {
            if (instruction.GetOpKind(n) == OpKind.MemorySegEDI)
            {
                instruction.SetOpKind(n, OpKind.MemorySegRDI);
            }
        }

        if (instruction.MemoryBase == Register.EDI)
        {
            instruction.MemoryBase = Register.RDI;
        }

        return instruction;
    }

    private static bool IsIn32BitCode(Code code) => code.ToOpCode() is var info && info.Mode32
        && !Enumerable.Range(0, info.OpCount).Any(n => info.GetOpKind(n).ToString().StartsWith("r64", StringComparison.Ordinal));

    private static bool IsUsable(Code code, bool isMm)
    {
        OpCodeInfo info = code.ToOpCode();
        if (!info.IsInstruction || !info.Mode64 || info.Encoding != EncodingKind.Legacy
            || !code.CpuidFeatures().All(feature => feature is CpuidFeature.SSE or CpuidFeature.SSE2 || (isMm && feature == CpuidFeature.MMX))
            || code.CpuidFeatures().Length == 0
            || code.Mnemonic() is Mnemonic.Ldmxcsr or Mnemonic.Stmxcsr or Mnemonic.Clflush)
        {
            return false;
        }

        bool hasMm = code == Code.Emms
            || Enumerable.Range(0, info.OpCount).Any(n => info.GetOpKind(n).ToString().StartsWith("mm_", StringComparison.Ordinal));
        return hasMm == isMm;
    }

    private bool TryMake(Code code, out Instruction instruction)
    {
        OpCodeInfo info = code.ToOpCode();
        instruction = default;
        instruction.Code = code;
        bool mayUseMemory = random.Next(2) == 0;
        for (int n = 0; n < info.OpCount; n++)
        {
            string kind = info.GetOpKind(n).ToString();
            if (kind == "imm8")
            {
                instruction.SetOpKind(n, OpKind.Immediate8);
                instruction.Immediate8 = (byte)(random.Next(2) == 0 ? random.Next(20) : random.Next(256));
            }
            else if (kind == "seg_rDI")
            {
                instruction.SetOpKind(n, bits == 64 ? OpKind.MemorySegRDI : OpKind.MemorySegEDI);
            }
            else if (kind.StartsWith("mem", StringComparison.Ordinal) || (mayUseMemory && kind.EndsWith("_or_mem", StringComparison.Ordinal)))
            {
                bool isAligned = instruction.MemorySize.GetSize() == 16
                    && code.Mnemonic() is not (Mnemonic.Movups or Mnemonic.Movupd or Mnemonic.Movdqu);
                instruction.SetOpKind(n, OpKind.Memory);
                instruction.MemoryBase = bits == 64 ? Register.RDI : Register.EDI;
                instruction.MemoryDisplSize = 1;
                instruction.MemoryDisplacement64 = isAligned ? (ulong)random.Next(2) * 16 : (ulong)random.Next(17);
            }
            else
            {
                instruction.SetOpKind(n, OpKind.Register);
                bool isMmRegister = kind.StartsWith("mm_", StringComparison.Ordinal);
                int number = random.Next(isMmRegister ? 8 : kind.StartsWith("xmm", StringComparison.Ordinal) ? 4 : 2);
                instruction.SetOpRegister(
                    n,
                    kind.StartsWith("xmm", StringComparison.Ordinal) ? Register.XMM0 + number
                        : isMmRegister ? Register.MM0 + number
                        : kind.StartsWith("r64", StringComparison.Ordinal) ? Register.RAX + number
                        : Register.EAX + number);
            }
        }

        return Encoder.Create(bits, new NullWriter()).TryEncode(instruction, 0, out _, out _);
    }

    private sealed class NullWriter : CodeWriter
    {
        public override void WriteByte(byte value)
        {
        }
    }
}
