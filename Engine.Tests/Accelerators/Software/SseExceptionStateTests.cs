using System.Buffers.Binary;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>An unmasked SIMD floating-point exception leaves the destination alone, and its flags in MXCSR (Intel SDM vol. 1, 11.5.1 and 11.5.2).</summary>
public sealed class SseExceptionStateTests
{
    private const uint Invalid = 1, Denormal = 2, DivideByZero = 4, Inexact = 0x20, Masked = 0x1F80;
    private const ulong One = 0x3FF0_0000_0000_0000, MinusOne = One | (1UL << 63), SignalingNan = 0x7FF0_0000_0000_0001, QuietNan = 0x7FF8_0000_0000_0000;

    /// <summary>Instruction, its operands' low and high quadwords, the exceptions that are unmasked, the flags behind.</summary>
    public static TheoryData<string, ulong, ulong, ulong, ulong, uint, uint> Rows => new()
    {
        { "divsd", One, 5, 0, 0, DivideByZero, DivideByZero },
        { "divpd", One, One, One, 0, DivideByZero, DivideByZero },
        { "divpd", 0, One, 0, 0, DivideByZero | Invalid, DivideByZero | Invalid }, // a flag of each element's
        { "sqrtsd", 7, 8, MinusOne, 0, Invalid, Invalid },
        { "addsd", SignalingNan, 8, One, 0, Invalid, Invalid },
        { "mulsd", One, 8, 1, 0, Denormal, Denormal },
        { "addsd", One, 8, 0x3C00_0000_0000_0000, 0, Inexact, Inexact },
        { "addsd", SignalingNan, 8, 1, 0, Invalid, Invalid }, // of one pair of operands, the first one counts
        { "maxsd", One, 8, QuietNan, 0, Invalid, Invalid },
        { "comisd", One, 8, QuietNan, 0, Invalid, Invalid },
        { "ucomisd", One, 8, SignalingNan, 0, Invalid, Invalid },
        { "cvtsd2si", One, 8, 0x43F0_0000_0000_0000, 0, Invalid, Invalid },
        { "cvtps2dq", One, 8, 0x4F80_0000_4F80_0000, 0, Invalid, Invalid },
        { "cvttsd2si", One, 8, 0x3FF8_0000_0000_0000, 0, Inexact, Inexact },
        { "cvtsd2ss", One, 8, 0x3FF0_0000_0000_0001, 0, Inexact, Inexact },
    };

    [Theory, MemberData(nameof(Rows))]
    public void The_destination_is_as_before(string what, ulong low, ulong high, ulong otherLow, ulong otherHigh, uint unmasked, uint flags)
    {
        foreach (int bits in (int[])[32, 64])
        {
            using CpuRig rig = new(bits);
            rig.Load(c =>
            {
                c.movups(xmm0, __xmmword_ptr[(int)CpuRig.DataArea]);
                c.movups(xmm1, __xmmword_ptr[(int)CpuRig.DataArea + 16]);
                c.ldmxcsr(__dword_ptr[(int)CpuRig.DataArea + 32]);
                Emit(c, what);
            });
            rig.Write(CpuRig.DataArea, low);
            rig.Write(CpuRig.DataArea + 8, high);
            rig.Write(CpuRig.DataArea + 16, otherLow);
            rig.Write(CpuRig.DataArea + 24, otherHigh);
            rig.Write(CpuRig.DataArea + 32, (ulong)(Masked & ~(unmasked << 7)));
            rig.R.Rax = 77;
            rig.R.Rflags |= 0x8D5;
            rig.Cpu.StateChanged(0);
            RigEnd end = rig.Run();
            Assert.Equal((19, rig.Starts[3], 77UL, 0x8D5UL), (end.Vector, end.Rip, rig.R.Rax, end.Flags & 0x8D5));
            byte[] area = new byte[4096];
            rig.Cpu.SaveFloat(area);
            Assert.Equal((low, high), (BinaryPrimitives.ReadUInt64LittleEndian(area.AsSpan(160)), BinaryPrimitives.ReadUInt64LittleEndian(area.AsSpan(168))));
            Assert.Equal((Masked & ~(unmasked << 7)) | flags, BinaryPrimitives.ReadUInt32LittleEndian(area.AsSpan(24)));
        }
    }

    private static void Emit(Assembler c, string what)
    {
        switch (what)
        {
            case "divsd":
                c.divsd(xmm0, xmm1);
                break;
            case "divpd":
                c.divpd(xmm0, xmm1);
                break;
            case "sqrtsd":
                c.sqrtsd(xmm0, xmm1);
                break;
            case "addsd":
                c.addsd(xmm0, xmm1);
                break;
            case "mulsd":
                c.mulsd(xmm0, xmm1);
                break;
            case "maxsd":
                c.maxsd(xmm0, xmm1);
                break;
            case "comisd":
                c.comisd(xmm0, xmm1);
                break;
            case "ucomisd":
                c.ucomisd(xmm0, xmm1);
                break;
            case "cvtsd2si":
                c.cvtsd2si(eax, xmm1);
                break;
            case "cvttsd2si":
                c.cvttsd2si(eax, xmm1);
                break;
            case "cvtps2dq":
                c.cvtps2dq(xmm0, xmm1);
                break;
            default:
                c.cvtsd2ss(xmm0, xmm1);
                break;
        }
    }
}
