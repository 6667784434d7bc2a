using Iced.Intel;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Random forms of SSE's and SSE2's instructions on XMM0 to XMM3, RAX, RCX and 32 bytes of memory at RDI or EDI.</summary>
internal sealed class RandomSseInstructions(Random random, int bits)
{
    private static readonly Code[] s_codes = [.. Enum.GetValues<Code>().Where(IsUsable)];
    private static readonly Code[] s_codes32 = [.. s_codes.Where(code => code.ToOpCode().Mode32 && !Enumerable.Range(0, code.ToOpCode().OpCount)
        .Any(n => code.ToOpCode().GetOpKind(n).ToString().StartsWith("r64", StringComparison.Ordinal)))];

    private readonly Code[] _codes = bits == 64 ? s_codes : s_codes32;

    /// <summary>What is made.</summary>
    public static IEnumerable<Mnemonic> Mnemonics => s_codes.Select(code => code.Mnemonic());

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

    private static bool IsUsable(Code code)
    {
        OpCodeInfo info = code.ToOpCode();
        if (!info.IsInstruction || !info.Mode64 || info.Encoding != EncodingKind.Legacy
            || !code.CpuidFeatures().All(feature => feature is CpuidFeature.SSE or CpuidFeature.SSE2)
            || code.CpuidFeatures().Length == 0
            || code.Mnemonic() is Mnemonic.Ldmxcsr or Mnemonic.Stmxcsr or Mnemonic.Clflush)
        {
            return false;
        }

        return Enumerable.Range(0, info.OpCount).All(n => !info.GetOpKind(n).ToString().StartsWith("mm_", StringComparison.Ordinal));
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
                int number = random.Next(kind.StartsWith("xmm", StringComparison.Ordinal) ? 4 : 2);
                instruction.SetOpRegister(
                    n,
                    kind.StartsWith("xmm", StringComparison.Ordinal) ? Register.XMM0 + number
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
