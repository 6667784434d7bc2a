using Iced.Intel;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Random forms of SSE's and SSE2's instructions on XMM0 to XMM3, RAX, RCX and 32 bytes of memory at RDI.</summary>
internal sealed class RandomSseInstructions(Random random)
{
    private static readonly Code[] s_codes = [.. Enum.GetValues<Code>().Where(IsUsable)];

    /// <summary>What is made.</summary>
    public static IEnumerable<Mnemonic> Mnemonics => s_codes.Select(code => code.Mnemonic());

    /// <summary>Makes an instruction.</summary>
    public Instruction Next()
    {
        for (; ; )
        {
            Code code = s_codes[random.Next(s_codes.Length)];
            if (TryMake(code, out Instruction instruction))
            {
                return instruction;
            }
        }
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
                instruction.SetOpKind(n, OpKind.MemorySegRDI);
            }
            else if (kind.StartsWith("mem", StringComparison.Ordinal) || (mayUseMemory && kind.EndsWith("_or_mem", StringComparison.Ordinal)))
            {
                bool isAligned = instruction.MemorySize.GetSize() == 16
                    && code.Mnemonic() is not (Mnemonic.Movups or Mnemonic.Movupd or Mnemonic.Movdqu);
                instruction.SetOpKind(n, OpKind.Memory);
                instruction.MemoryBase = Register.RDI;
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

        return Encoder.Create(64, new NullWriter()).TryEncode(instruction, 0, out _, out _);
    }

    private sealed class NullWriter : CodeWriter
    {
        public override void WriteByte(byte value)
        {
        }
    }
}
