using System.Reflection;
using Hyperpatch.Engine.Accelerators.Software;
using Iced.Intel;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>No instruction that the software processor carries out is without a test that compares what it does.</summary>
public sealed class CoverageTests
{
    // Where there is no row: the test that executes them and looks at what they did.
    private static readonly Dictionary<Mnemonic, string> s_elsewhere = new()
    {
        [Mnemonic.Vmcall] = "Interception.BasicInterceptionTests",
        [Mnemonic.Vmmcall] = "Interception.BasicInterceptionTests",
        [Mnemonic.Hlt] = nameof(DebugExceptionTests),
        [Mnemonic.Int1] = nameof(DebugExceptionTests),
        [Mnemonic.Int3] = nameof(FarTransferTests),
        [Mnemonic.Iret] = nameof(FarTransferTests),
        [Mnemonic.Iretd] = nameof(FarTransferTests),
        [Mnemonic.Int] = nameof(FarTransferTests),
        [Mnemonic.Syscall] = nameof(FastCallTests),
        [Mnemonic.Sysret] = nameof(FastCallTests),
        [Mnemonic.Sysretq] = nameof(FastCallTests),
        [Mnemonic.Sysenter] = nameof(FastCallTests),
        [Mnemonic.Sysexit] = nameof(FastCallTests),
        [Mnemonic.Sysexitq] = nameof(FastCallTests),
        [Mnemonic.Swapgs] = nameof(SystemTableTests),
        [Mnemonic.Lidt] = nameof(SystemTableTests),
        [Mnemonic.Sidt] = nameof(SystemTableTests),
        [Mnemonic.Lldt] = nameof(SystemTableTests),
        [Mnemonic.Rdgsbase] = nameof(SystemTableTests),
        [Mnemonic.Wrfsbase] = nameof(SystemTableTests),
        [Mnemonic.Wrgsbase] = nameof(SystemTableTests),
        [Mnemonic.Wait] = nameof(FloatStateTests),
        [Mnemonic.Fldcw] = nameof(X87DifferentialTests),
        [Mnemonic.Clflush] = nameof(MmxFaultTests),
        [Mnemonic.Fldenv] = nameof(X87EnvironmentTests),
        [Mnemonic.Fnsave] = nameof(X87EnvironmentTests),
        [Mnemonic.Fnstenv] = nameof(X87EnvironmentTests),
        [Mnemonic.Frstor] = nameof(X87EnvironmentTests),
        [Mnemonic.F2xm1] = nameof(X87TranscendentalTests),
        [Mnemonic.Fcos] = nameof(X87TranscendentalTests),
        [Mnemonic.Fpatan] = nameof(X87TranscendentalTests),
        [Mnemonic.Fptan] = nameof(X87TranscendentalTests),
        [Mnemonic.Fsin] = nameof(X87TranscendentalTests),
        [Mnemonic.Fsincos] = nameof(X87TranscendentalTests),
        [Mnemonic.Fyl2x] = nameof(X87TranscendentalTests),
        [Mnemonic.Fyl2xp1] = nameof(X87TranscendentalTests),
    };

    [Fact]
    public void Every_instruction_that_is_carried_out_is_compared_somewhere()
    {
        HashSet<Mnemonic> covered =
        [
            .. InstructionRows.All.SelectMany(row => row.Modes.SelectMany(mode => Emitted(mode == 33 ? 32 : mode, row.Emit))),
            .. SystemRows.All.SelectMany(row => Emitted(64, row.Emit)),
            .. RandomInstructions.Mnemonics, .. RandomSlots.Mnemonics, .. RandomSseInstructions.Mnemonics, .. X87DifferentialTests.Mnemonics,
            .. s_elsewhere.Keys,
        ];
        string[] missing = [.. Enum.GetValues<Mnemonic>().Where(m => IsImplemented(m) && !covered.Contains(m)).Select(m => m.ToString())];
        Assert.True(missing.Length == 0, "In no row, no generator and no list: " + string.Join(", ", missing));
    }

    /// <summary>
    /// The same for each mode by itself, but for SSE and x87: those have no form that depends on it. What the list names is executed in all of them.
    /// </summary>
    [Theory]
    [InlineData(16)]
    [InlineData(32)]
    [InlineData(64)]
    public void Every_instruction_is_compared_in_each_mode_that_has_it(int bits)
    {
        HashSet<Mnemonic> covered =
        [
            .. InstructionRows.All.SelectMany(row => row.Modes.Where(mode => (mode == 33 ? 32 : mode) == bits).SelectMany(_ => Emitted(bits, row.Emit))),
            .. bits == 16 ? SixteenBitTests.Mnemonics : RandomInstructions.Mnemonics,
            .. bits == 16 ? [] : RandomSlots.Mnemonics,
            .. bits == 64 ? SystemRows.All.SelectMany(row => Emitted(64, row.Emit)) : [],
            .. s_elsewhere.Keys,
        ];
        string[] missing = [.. Enum.GetValues<Mnemonic>()
            .Where(m => IsImplemented(m, bits) && !covered.Contains(m) && !RandomSseInstructions.Mnemonics.Contains(m) && !X87DifferentialTests.Mnemonics.Contains(m))
            .Select(m => m.ToString())];
        Assert.True(missing.Length == 0, $"Not in {bits}-bit code: " + string.Join(", ", missing));
    }

    /// <summary>Nor does the list of the others hold what is gone, or what a row has meanwhile.</summary>
    [Fact]
    public void The_list_names_tests_that_are_there()
    {
        Assembly tests = typeof(CoverageTests).Assembly;
        foreach ((Mnemonic mnemonic, string test) in s_elsewhere)
        {
            Assert.True(IsImplemented(mnemonic), $"{mnemonic}");
            Assert.Contains(tests.GetTypes(), type => type.FullName!.EndsWith('.' + test, StringComparison.Ordinal));
        }
    }

    // Some form of it is decoded into an operation.
    private static bool IsImplemented(Mnemonic mnemonic) => IsImplemented(mnemonic, 64) || IsImplemented(mnemonic, 32) || IsImplemented(mnemonic, 16);

    private static bool IsImplemented(Mnemonic mnemonic, int bits)
    {
        foreach (Code code in Codes(mnemonic))
        {
            Instruction instruction = default;
            instruction.Code = code;
            OpCodeInfo info = code.ToOpCode();
            bool isThere = bits switch { 64 => info.Mode64, 32 => info.Mode32, _ => info.Mode16 && info.Encoding == EncodingKind.Legacy };
            if (isThere && TryBuild(instruction, info, bits))
            {
                return true;
            }
        }

        return false;
    }

    private static IEnumerable<Code> Codes(Mnemonic mnemonic) => s_codes[mnemonic];

    private static readonly ILookup<Mnemonic, Code> s_codes = Enum.GetValues<Code>()
        .Where(code => code.ToOpCode().IsInstruction && code.ToOpCode().Encoding is EncodingKind.Legacy or EncodingKind.VEX)
        // Those of Knights Corner are not decoded unless asked for.
        .Where(code => !code.CpuidFeatures().Any(feature => feature.ToString().StartsWith("KNC", StringComparison.Ordinal)))
        .ToLookup(code => code.Mnemonic());

    // With registers in the places of registers.
    private static bool TryBuild(Instruction instruction, OpCodeInfo info, int bits)
    {
        for (int n = 0; n < info.OpCount; n++)
        {
            string kind = info.GetOpKind(n).ToString();
            Register register = kind switch
            {
                _ when kind.StartsWith("xmm", StringComparison.Ordinal) => Register.XMM1,
                _ when kind.StartsWith("ymm", StringComparison.Ordinal) => Register.YMM1,
                _ when kind.StartsWith("mm_", StringComparison.Ordinal) => Register.MM1,
                _ when kind.StartsWith("st", StringComparison.Ordinal) => Register.ST0,
                _ when kind.StartsWith("r8", StringComparison.Ordinal) || kind is "al" or "cl" => Register.CL,
                _ when kind.StartsWith("r16", StringComparison.Ordinal) || kind is "ax" or "dx" => Register.DX,
                _ when kind.StartsWith("r64", StringComparison.Ordinal) || kind == "rax" => Register.RDX,
                _ when kind.StartsWith("cr", StringComparison.Ordinal) => Register.CR2,
                _ when kind.StartsWith("dr", StringComparison.Ordinal) => Register.DR0,
                _ when kind.StartsWith("seg_r", StringComparison.Ordinal) && kind.EndsWith("reg", StringComparison.Ordinal) => Register.FS,
                _ when kind.StartsWith("r32", StringComparison.Ordinal) || kind == "eax" => Register.EDX,
                _ => Register.None,
            };
            if (register != Register.None)
            {
                instruction.SetOpKind(n, OpKind.Register);
                instruction.SetOpRegister(n, register);
            }
            else if (kind.StartsWith("mem", StringComparison.Ordinal))
            {
                instruction.SetOpKind(n, OpKind.Memory);
                instruction.MemoryBase = bits == 64 ? Register.RSI : bits == 32 ? Register.ESI : Register.SI;
            }
            else if (kind.StartsWith("imm", StringComparison.Ordinal))
            {
                instruction.SetOpKind(n, OpKind.Immediate8);
            }
        }

        Op op = default;
        OpBuilder.Build(ref op, instruction, bits);
        return op.Code is not (OpCode.Undefined or OpCode.Nop);
    }

    private static IEnumerable<Mnemonic> Emitted(int bits, Action<Assembler> emit)
    {
        Assembler c = new(bits);
        emit(c);
        return c.Instructions.Select(instruction => instruction.Mnemonic);
    }
}
