using System.Runtime.Intrinsics.X86;
using Iced.Intel;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Random forms of the integer instructions, with what the manuals leave undefined.</summary>
internal sealed class RandomInstructions(Random random, int bits, bool isWhole)
{
    public const ulong Carry = 1, Parity = 4, Adjust = 0x10, Zero = 0x40, Sign = 0x80, Overflow = 0x800;
    public const ulong All = Carry | Parity | Adjust | Zero | Sign | Overflow;

    // R13 holds the scratch area's address, R14 and R15 the test's own pointers.
    private static readonly int[] s_numbers64 = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12];

    // ESI and EDI are the test's own pointers; the scratch area is behind ESI.
    private static readonly int[] s_numbers32 = [0, 1, 2, 3, 5];

    /// <summary>Where the scratch area is behind ESI.</summary>
    public const int Scratch32 = 112;

    private static readonly Mnemonic[] s_mnemonics =
    [
        Mnemonic.Add, Mnemonic.Adc, Mnemonic.Sub, Mnemonic.Sbb, Mnemonic.And, Mnemonic.Or, Mnemonic.Xor, Mnemonic.Cmp, Mnemonic.Test,
        Mnemonic.Inc, Mnemonic.Dec, Mnemonic.Neg, Mnemonic.Not, Mnemonic.Shl, Mnemonic.Shr, Mnemonic.Sar, Mnemonic.Sal, Mnemonic.Rol,
        Mnemonic.Ror, Mnemonic.Rcl, Mnemonic.Rcr, Mnemonic.Shld, Mnemonic.Shrd, Mnemonic.Mul, Mnemonic.Imul, Mnemonic.Bt,
        Mnemonic.Bts, Mnemonic.Btr, Mnemonic.Btc, Mnemonic.Bsf, Mnemonic.Bsr, Mnemonic.Bswap, Mnemonic.Xadd, Mnemonic.Cmpxchg,
        Mnemonic.Xchg, Mnemonic.Mov, Mnemonic.Movzx, Mnemonic.Movsx, Mnemonic.Movsxd, Mnemonic.Lahf, Mnemonic.Sahf, Mnemonic.Clc,
        Mnemonic.Stc, Mnemonic.Cmc, Mnemonic.Cbw, Mnemonic.Cwde, Mnemonic.Cdqe, Mnemonic.Cwd, Mnemonic.Cdq, Mnemonic.Cqo,
        Mnemonic.Popcnt, Mnemonic.Movbe, Mnemonic.Cmovb, Mnemonic.Cmovbe, Mnemonic.Cmovl, Mnemonic.Cmovle, Mnemonic.Cmovo,
        Mnemonic.Cmovp, Mnemonic.Cmovs, Mnemonic.Cmove, Mnemonic.Setb, Mnemonic.Setae, Mnemonic.Sete, Mnemonic.Setne, Mnemonic.Setbe,
        Mnemonic.Seta, Mnemonic.Sets, Mnemonic.Setns, Mnemonic.Setp, Mnemonic.Setnp, Mnemonic.Setl, Mnemonic.Setge, Mnemonic.Setle,
        Mnemonic.Setg, Mnemonic.Seto, Mnemonic.Setno, Mnemonic.Cmpxchg8b, Mnemonic.Cmpxchg16b,
        Mnemonic.Andn, Mnemonic.Blsi, Mnemonic.Blsr, Mnemonic.Blsmsk, Mnemonic.Bextr, Mnemonic.Tzcnt, Mnemonic.Bzhi, Mnemonic.Mulx,
        Mnemonic.Pdep, Mnemonic.Pext, Mnemonic.Rorx, Mnemonic.Sarx, Mnemonic.Shlx, Mnemonic.Shrx, Mnemonic.Lzcnt, Mnemonic.Adcx, Mnemonic.Adox,
        Mnemonic.Cmovae, Mnemonic.Cmova, Mnemonic.Cmovge, Mnemonic.Cmovg, Mnemonic.Cmovno, Mnemonic.Cmovnp, Mnemonic.Cmovns,
        Mnemonic.Cmovne, Mnemonic.Lea, Mnemonic.Aaa, Mnemonic.Aas, Mnemonic.Aam, Mnemonic.Aad, Mnemonic.Daa, Mnemonic.Das,
        Mnemonic.Salc,
    ];

    /// <summary>What is made.</summary>
    public static IEnumerable<Mnemonic> Mnemonics => s_mnemonics;

    private static readonly Code[] s_codes64 = [.. Enum.GetValues<Code>().Where(code => IsUsable(code, 64))];
    private static readonly Code[] s_codes32 = [.. Enum.GetValues<Code>().Where(code => IsUsable(code, 32))];
    private static readonly Code[] s_old32 = [.. s_codes32.Where(IsOld)];
    private readonly Code[] _codes = bits == 64 ? s_codes64 : isWhole ? s_codes32 : s_old32;
    private readonly int[] _numbers = bits == 64 ? s_numbers64 : s_numbers32;

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

    /// <summary>Flags that the manuals define after an instruction.</summary>
    /// <param name="i">The instruction.</param>
    /// <param name="cl">CL before it.</param>
    public static ulong Defined(in Instruction i, int cl)
    {
        int size = i.Op0Kind == OpKind.Register ? i.Op0Register.GetSize() : i.MemorySize.GetSize();
        int count = (i.OpCount > 1 && i.GetOpKind(i.OpCount - 1) == OpKind.Register ? cl : (int)i.Immediate8) & (size == 8 ? 63 : 31);
        switch (i.Mnemonic)
        {
            case Mnemonic.And or Mnemonic.Or or Mnemonic.Xor or Mnemonic.Test:
                return All & ~Adjust;
            case Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar:
                return count == 0 ? All
                    : All & ~Adjust & ~(count != 1 ? Overflow : 0) & ~(count > size * 8 && i.Mnemonic != Mnemonic.Sar ? Carry : 0);
            case Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr:
                return count is 0 or 1 ? All : All & ~Overflow;
            case Mnemonic.Shld or Mnemonic.Shrd:
                return count == 0 ? All : count > size * 8 ? 0 : All & ~Adjust & ~(count != 1 ? Overflow : 0);
            case Mnemonic.Mul or Mnemonic.Imul:
                return Carry | Overflow;
            case Mnemonic.Bsf or Mnemonic.Bsr:
                return Zero;
            case Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc:
                return Carry | Zero;
            case Mnemonic.Lzcnt or Mnemonic.Tzcnt:
                return Carry | Zero;
            case Mnemonic.Andn or Mnemonic.Blsi or Mnemonic.Blsr or Mnemonic.Blsmsk or Mnemonic.Bzhi:
                return All & ~(Adjust | Parity);
            case Mnemonic.Aaa or Mnemonic.Aas:
                return Carry | Adjust;
            case Mnemonic.Aam or Mnemonic.Aad:
                return Sign | Zero | Parity;
            case Mnemonic.Daa or Mnemonic.Das:
                return All & ~Overflow;
            case Mnemonic.Bextr:
                return Zero | Carry | Overflow;
            default:
                return All;
        }
    }

    /// <summary>Whether even the result is undefined: double shifts of 16 bits by more.</summary>
    public static bool IsResultUndefined(in Instruction i, int cl) =>
        i.Mnemonic is Mnemonic.Shld or Mnemonic.Shrd && Defined(i, cl) == 0;

    private static bool IsUsable(Code code, int bits)
    {
        OpCodeInfo info = code.ToOpCode();
        if (!s_mnemonics.Contains(code.Mnemonic()) || !info.IsInstruction || !(bits == 64 ? info.Mode64 : info.Mode32) || info.Encoding is not (EncodingKind.Legacy or EncodingKind.VEX)
            || code is Code.Cmpxchg486_rm8_r8 or Code.Cmpxchg486_rm16_r16 or Code.Cmpxchg486_rm32_r32)
        {
            return false;
        }

        foreach (CpuidFeature feature in code.CpuidFeatures())
        {
            bool has = feature switch
            {
                CpuidFeature.BMI1 => Bmi1.X64.IsSupported,
                CpuidFeature.BMI2 => Bmi2.X64.IsSupported,
                CpuidFeature.LZCNT => Lzcnt.IsSupported,
                CpuidFeature.POPCNT => Popcnt.IsSupported,
                CpuidFeature.MOVBE or CpuidFeature.ADX => (X86Base.CpuId(feature == CpuidFeature.ADX ? 7 : 1, 0)
                    is var r && (feature == CpuidFeature.ADX ? (r.Ebx >> 19) & 1 : (r.Ecx >> 22) & 1) != 0),
                CpuidFeature.SSE or CpuidFeature.SSE2 or CpuidFeature.AVX512F or CpuidFeature.AVX512BW or CpuidFeature.AVX512DQ
                    or CpuidFeature.AVX512VL => false,
                _ => true,
            };
            if (!has)
            {
                return false;
            }
        }

        for (int i = 0; i < info.OpCount; i++)
        {
            if (Size(info.GetOpKind(i)) < 0 || (bits == 32 && Size(info.GetOpKind(i)) == 8 && info.GetOpKind(i) != OpCodeOperandKind.mem))
            {
                return false;
            }
        }

        return true;
    }

    // Hosts whose KVM emulates 32-bit code know only the older instructions there, and of the BCD ones only some.
    private static bool IsOld(Code code) =>
        code.ToOpCode().Encoding == EncodingKind.Legacy
        && code.Mnemonic() is not (Mnemonic.Aaa or Mnemonic.Aas or Mnemonic.Aam or Mnemonic.Aad or Mnemonic.Daa or Mnemonic.Das or Mnemonic.Salc)
        && !code.CpuidFeatures().Any(feature => feature is CpuidFeature.ADX or CpuidFeature.BMI1 or CpuidFeature.POPCNT
            or CpuidFeature.LZCNT or CpuidFeature.MOVBE);

    private bool TryMake(Code code, out Instruction instruction)
    {
        OpCodeInfo info = code.ToOpCode();
        instruction = default;
        instruction.Code = code;
        bool mayUseMemory = random.Next(3) == 0;
        for (int n = 0; n < info.OpCount; n++)
        {
            OpCodeOperandKind kind = info.GetOpKind(n);
            switch (kind)
            {
                case OpCodeOperandKind.imm8 or OpCodeOperandKind.imm8_const_1:
                    instruction.SetOpKind(n, OpKind.Immediate8);
                    instruction.Immediate8 = kind == OpCodeOperandKind.imm8 ? (byte)random.Next(1, 256) : (byte)1;
                    break;
                case OpCodeOperandKind.imm8sex16:
                    instruction.SetOpKind(n, OpKind.Immediate8to16);
                    instruction.Immediate8to16 = (sbyte)random.Next(256);
                    break;
                case OpCodeOperandKind.imm8sex32:
                    instruction.SetOpKind(n, OpKind.Immediate8to32);
                    instruction.Immediate8to32 = (sbyte)random.Next(256);
                    break;
                case OpCodeOperandKind.imm8sex64:
                    instruction.SetOpKind(n, OpKind.Immediate8to64);
                    instruction.Immediate8to64 = (sbyte)random.Next(256);
                    break;
                case OpCodeOperandKind.imm16:
                    instruction.SetOpKind(n, OpKind.Immediate16);
                    instruction.Immediate16 = (ushort)random.Next(65536);
                    break;
                case OpCodeOperandKind.imm32:
                    instruction.SetOpKind(n, OpKind.Immediate32);
                    instruction.Immediate32 = (uint)random.NextInt64();
                    break;
                case OpCodeOperandKind.imm32sex64:
                    instruction.SetOpKind(n, OpKind.Immediate32to64);
                    instruction.Immediate32to64 = (int)random.NextInt64();
                    break;
                case OpCodeOperandKind.imm64:
                    instruction.SetOpKind(n, OpKind.Immediate64);
                    instruction.Immediate64 = (ulong)random.NextInt64();
                    break;
                default:
                    SetRegisterOrMemory(ref instruction, n, kind, mayUseMemory);
                    break;
            }
        }

        if (instruction.Op0Kind == OpKind.Memory && info.CanUseLockPrefix && random.Next(2) == 0)
        {
            instruction.HasLockPrefix = true;
        }

        return Encoder.Create(bits, new StreamWriterOfNothing()).TryEncode(instruction, 0, out _, out _);
    }

    private void SetRegisterOrMemory(ref Instruction instruction, int n, OpCodeOperandKind kind, bool mayUseMemory)
    {
        string name = kind.ToString();
        if (kind is OpCodeOperandKind.mem || (mayUseMemory && name.EndsWith("_or_mem", StringComparison.Ordinal)))
        {
            // A bit index in a register would reach far beyond the scratch area.
            instruction.SetOpKind(n, OpKind.Memory);
            instruction.MemoryBase = bits == 64 ? Register.R13 : Register.ESI;
            instruction.MemoryDisplSize = 1;
            instruction.MemoryDisplacement64 = (bits == 64 ? 0UL : Scratch32)
                + (instruction.Mnemonic == Mnemonic.Cmpxchg16b ? 0 : (ulong)random.Next(9));
            return;
        }

        int number = _numbers[random.Next(_numbers.Length)];
        instruction.SetOpKind(n, OpKind.Register);
        instruction.SetOpRegister(n, kind switch
        {
            OpCodeOperandKind.al => Register.AL,
            OpCodeOperandKind.cl => Register.CL,
            OpCodeOperandKind.ax => Register.AX,
            OpCodeOperandKind.eax => Register.EAX,
            OpCodeOperandKind.rax => Register.RAX,
            _ when Size(kind) == 8 => Register.RAX + number,
            _ when Size(kind) == 4 => Register.EAX + number,
            _ when Size(kind) == 2 => Register.AX + number,
            // AL to BH and SIL to R12L: AH to BH cannot stand beside REX, which the encoder finds out.
            _ => random.Next(3) == 0 ? Register.AH + random.Next(4) : number < 4 || bits == 32 ? Register.AL + (number & 3) : Register.SPL + number - 4,
        });
    }

    private static int Size(OpCodeOperandKind kind) => kind switch
    {
        OpCodeOperandKind.r8_reg or OpCodeOperandKind.r8_or_mem or OpCodeOperandKind.r8_opcode or OpCodeOperandKind.al or OpCodeOperandKind.cl => 1,
        OpCodeOperandKind.r16_reg or OpCodeOperandKind.r16_or_mem or OpCodeOperandKind.r16_opcode or OpCodeOperandKind.ax => 2,
        OpCodeOperandKind.r32_reg or OpCodeOperandKind.r32_or_mem or OpCodeOperandKind.r32_opcode or OpCodeOperandKind.eax
            or OpCodeOperandKind.r32_vvvv => 4,
        OpCodeOperandKind.r64_reg or OpCodeOperandKind.r64_or_mem or OpCodeOperandKind.r64_opcode or OpCodeOperandKind.rax
            or OpCodeOperandKind.r64_vvvv or OpCodeOperandKind.mem => 8,
        OpCodeOperandKind.imm8 or OpCodeOperandKind.imm8_const_1 or OpCodeOperandKind.imm8sex16 or OpCodeOperandKind.imm8sex32
            or OpCodeOperandKind.imm8sex64 or OpCodeOperandKind.imm16 or OpCodeOperandKind.imm32 or OpCodeOperandKind.imm32sex64
            or OpCodeOperandKind.imm64 => 0,
        _ => -1,
    };

    private sealed class StreamWriterOfNothing : CodeWriter
    {
        public override void WriteByte(byte value)
        {
        }
    }
}
