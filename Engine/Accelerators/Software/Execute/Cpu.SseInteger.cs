using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>SSE and SSE2 on whole registers without rounding: every host has the same operation.</summary>
internal sealed partial class Cpu
{
    private static Vector128<byte> Arrange(in Op op, Vector128<byte> a, Vector128<byte> b)
    {
        int imm = (byte)op.Value;
        return op.Code switch
        {
            OpCode.Andps or OpCode.Andpd or OpCode.Pand => a & b,
            OpCode.Andnps or OpCode.Andnpd or OpCode.Pandn => ~a & b,
            OpCode.Orps or OpCode.Orpd or OpCode.Por => a | b,
            OpCode.Xorps or OpCode.Xorpd or OpCode.Pxor => a ^ b,
            OpCode.Shufps => Vector128.Create(Word32(a, imm), Word32(a, imm >> 2), Word32(b, imm >> 4), Word32(b, imm >> 6)).AsByte(),
            OpCode.Shufpd => Vector128.Create(a.AsUInt64()[imm & 1], b.AsUInt64()[imm >> 1 & 1]).AsByte(),
            OpCode.Pshufd => Vector128.Create(Word32(b, imm), Word32(b, imm >> 2), Word32(b, imm >> 4), Word32(b, imm >> 6)).AsByte(),
            OpCode.Pshuflw => Vector128.Create(ShuffleWords(b.AsUInt64()[0], imm), b.AsUInt64()[1]).AsByte(),
            OpCode.Pshufhw => Vector128.Create(b.AsUInt64()[0], ShuffleWords(b.AsUInt64()[1], imm)).AsByte(),
            OpCode.Unpcklps => Sse.UnpackLow(a.AsSingle(), b.AsSingle()).AsByte(),
            OpCode.Unpcklpd => Sse2.UnpackLow(a.AsDouble(), b.AsDouble()).AsByte(),
            OpCode.Unpckhps => Sse.UnpackHigh(a.AsSingle(), b.AsSingle()).AsByte(),
            _ => Sse2.UnpackHigh(a.AsDouble(), b.AsDouble()).AsByte(),
        };
    }

    private static Vector128<byte> Pack(in Op op, Vector128<byte> a, Vector128<byte> b) => op.Code switch
    {
        OpCode.Punpcklbw => Sse2.UnpackLow(a, b),
        OpCode.Punpcklwd => Sse2.UnpackLow(a.AsInt16(), b.AsInt16()).AsByte(),
        OpCode.Punpckldq => Sse2.UnpackLow(a.AsInt32(), b.AsInt32()).AsByte(),
        OpCode.Punpcklqdq => Sse2.UnpackLow(a.AsInt64(), b.AsInt64()).AsByte(),
        OpCode.Punpckhbw => Sse2.UnpackHigh(a, b),
        OpCode.Punpckhwd => Sse2.UnpackHigh(a.AsInt16(), b.AsInt16()).AsByte(),
        OpCode.Punpckhdq => Sse2.UnpackHigh(a.AsInt32(), b.AsInt32()).AsByte(),
        OpCode.Punpckhqdq => Sse2.UnpackHigh(a.AsInt64(), b.AsInt64()).AsByte(),
        OpCode.Packsswb => Sse2.PackSignedSaturate(a.AsInt16(), b.AsInt16()).AsByte(),
        OpCode.Packssdw => Sse2.PackSignedSaturate(a.AsInt32(), b.AsInt32()).AsByte(),
        OpCode.Packuswb => Sse2.PackUnsignedSaturate(a.AsInt16(), b.AsInt16()),
        OpCode.Paddb => Sse2.Add(a, b),
        OpCode.Paddw => Sse2.Add(a.AsInt16(), b.AsInt16()).AsByte(),
        OpCode.Paddd => Sse2.Add(a.AsInt32(), b.AsInt32()).AsByte(),
        OpCode.Paddq => Sse2.Add(a.AsInt64(), b.AsInt64()).AsByte(),
        OpCode.Paddsb => Sse2.AddSaturate(a.AsSByte(), b.AsSByte()).AsByte(),
        OpCode.Paddsw => Sse2.AddSaturate(a.AsInt16(), b.AsInt16()).AsByte(),
        OpCode.Paddusb => Sse2.AddSaturate(a, b),
        OpCode.Paddusw => Sse2.AddSaturate(a.AsUInt16(), b.AsUInt16()).AsByte(),
        OpCode.Psubb => Sse2.Subtract(a, b),
        OpCode.Psubw => Sse2.Subtract(a.AsInt16(), b.AsInt16()).AsByte(),
        OpCode.Psubd => Sse2.Subtract(a.AsInt32(), b.AsInt32()).AsByte(),
        OpCode.Psubq => Sse2.Subtract(a.AsInt64(), b.AsInt64()).AsByte(),
        OpCode.Psubsb => Sse2.SubtractSaturate(a.AsSByte(), b.AsSByte()).AsByte(),
        OpCode.Psubsw => Sse2.SubtractSaturate(a.AsInt16(), b.AsInt16()).AsByte(),
        OpCode.Psubusb => Sse2.SubtractSaturate(a, b),
        OpCode.Psubusw => Sse2.SubtractSaturate(a.AsUInt16(), b.AsUInt16()).AsByte(),
        OpCode.Pmullw => Sse2.MultiplyLow(a.AsInt16(), b.AsInt16()).AsByte(),
        OpCode.Pmulhw => Sse2.MultiplyHigh(a.AsInt16(), b.AsInt16()).AsByte(),
        OpCode.Pmulhuw => Sse2.MultiplyHigh(a.AsUInt16(), b.AsUInt16()).AsByte(),
        OpCode.Pmuludq => Sse2.Multiply(a.AsUInt32(), b.AsUInt32()).AsByte(),
        OpCode.Pmaddwd => Sse2.MultiplyAddAdjacent(a.AsInt16(), b.AsInt16()).AsByte(),
        OpCode.Psadbw => Sse2.SumAbsoluteDifferences(a, b).AsByte(),
        OpCode.Pavgb => Sse2.Average(a, b),
        OpCode.Pavgw => Sse2.Average(a.AsUInt16(), b.AsUInt16()).AsByte(),
        OpCode.Pminub => Sse2.Min(a, b),
        OpCode.Pminsw => Sse2.Min(a.AsInt16(), b.AsInt16()).AsByte(),
        OpCode.Pmaxub => Sse2.Max(a, b),
        OpCode.Pmaxsw => Sse2.Max(a.AsInt16(), b.AsInt16()).AsByte(),
        OpCode.Pcmpeqb => Sse2.CompareEqual(a, b),
        OpCode.Pcmpeqw => Sse2.CompareEqual(a.AsInt16(), b.AsInt16()).AsByte(),
        OpCode.Pcmpeqd => Sse2.CompareEqual(a.AsInt32(), b.AsInt32()).AsByte(),
        OpCode.Pcmpgtb => Sse2.CompareGreaterThan(a.AsSByte(), b.AsSByte()).AsByte(),
        OpCode.Pcmpgtw => Sse2.CompareGreaterThan(a.AsInt16(), b.AsInt16()).AsByte(),
        OpCode.Pcmpgtd => Sse2.CompareGreaterThan(a.AsInt32(), b.AsInt32()).AsByte(),
        OpCode.Psllw => Sse2.ShiftLeftLogical(a.AsInt16(), b.AsInt16()).AsByte(),
        OpCode.Pslld => Sse2.ShiftLeftLogical(a.AsInt32(), b.AsInt32()).AsByte(),
        OpCode.Psllq => Sse2.ShiftLeftLogical(a.AsInt64(), b.AsInt64()).AsByte(),
        OpCode.Psrlw => Sse2.ShiftRightLogical(a.AsInt16(), b.AsInt16()).AsByte(),
        OpCode.Psrld => Sse2.ShiftRightLogical(a.AsInt32(), b.AsInt32()).AsByte(),
        OpCode.Psrlq => Sse2.ShiftRightLogical(a.AsInt64(), b.AsInt64()).AsByte(),
        OpCode.Psraw => Sse2.ShiftRightArithmetic(a.AsInt16(), b.AsInt16()).AsByte(),
        OpCode.Psrad => Sse2.ShiftRightArithmetic(a.AsInt32(), b.AsInt32()).AsByte(),
        OpCode.Pslldq => ShiftBytes(a, b[0], left: true),
        _ => ShiftBytes(a, b[0], left: false),
    };

    private static uint Word32(Vector128<byte> from, int index) => from.AsUInt32()[index & 3];

    private static ulong ShuffleWords(ulong words, int order)
    {
        ulong result = 0;
        for (int i = 0; i < 4; i++)
        {
            result |= (ulong)(ushort)(words >> ((order >> (i * 2) & 3) * 16)) << (i * 16);
        }

        return result;
    }

    private static Vector128<byte> ShiftBytes(Vector128<byte> value, int count, bool left)
    {
        if (count > 15)
        {
            return Vector128<byte>.Zero;
        }

        UInt128 whole = Unsafe.BitCast<Vector128<byte>, UInt128>(value);
        return Unsafe.BitCast<UInt128, Vector128<byte>>(left ? whole << (count * 8) : whole >> (count * 8));
    }
}
