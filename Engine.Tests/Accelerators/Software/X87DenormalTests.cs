using System.Buffers.Binary;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>
/// Numbers in memory that are denormal in a narrow format, where the exception is told and where not (Intel SDM vol. 1, 4.9.2 and 8.5.2; a load
/// that raises it pushes all the same, as the hardware's rows show).
/// </summary>
public sealed class X87DenormalTests
{
    private const int Slot = 32, Area = 512;
    private const ushort Masked = 0x37F, WithDenormal = 0x37D, WithZeroDivide = 0x37B, WithInvalid = 0x37E;
    private const int De = 2, Ze = 4, Unmasked = 0x8080;
    private const ulong One = 0x3FF0_0000_0000_0000, DenormalDouble = 0x0000_4000_0000_0000, DenormalSingle = 0x0020_0000, SignalingSingle = 0x7FA0_0000;

    // The instruction and its operand; ST0 before (a double) and the control word; then of the status word exceptions, ES and B, TOP, and ST0's
    // upper 16 bits and significand.
    private static readonly (string What, Action<Assembler> Emit, ulong Operand, ulong Before, ushort Control, int Status, int Top, ushort Head, ulong Significand)[] s_rows =
    [
        ("fld m32", c => c.fld(__dword_ptr[rsi]), DenormalSingle, One, Masked, De, 6, 0x3F7F, 1UL << 63),
        ("fld m32, #D", c => c.fld(__dword_ptr[rsi]), DenormalSingle, One, WithDenormal, De | Unmasked, 6, 0x3F7F, 1UL << 63),
        ("fld m64, #D", c => c.fld(__qword_ptr[rsi]), DenormalDouble, One, WithDenormal, De | Unmasked, 6, 0x3BFB, 1UL << 63),
        ("fld m32, #I", c => c.fld(__dword_ptr[rsi]), SignalingSingle, One, WithInvalid, 1 | Unmasked, 7, 0x3FFF, 1UL << 63),
        ("fdivr m64 by zero", c => c.fdivr(__qword_ptr[rsi]), DenormalDouble, 0, Masked, Ze, 7, 0x7FFF, 1UL << 63),
        ("fdivr m64 by zero, #D", c => c.fdivr(__qword_ptr[rsi]), DenormalDouble, 0, WithDenormal, Ze, 7, 0x7FFF, 1UL << 63),
        ("fdivr m32 by zero, #Z", c => c.fdivr(__dword_ptr[rsi]), DenormalSingle, 0, WithZeroDivide, Ze | Unmasked, 7, 0, 0),
        ("fdiv m64, #D", c => c.fdiv(__qword_ptr[rsi]), DenormalDouble, One, WithDenormal, De | Unmasked, 7, 0x3FFF, 1UL << 63),
        ("fadd m32, #D", c => c.fadd(__dword_ptr[rsi]), DenormalSingle, One, WithDenormal, De | Unmasked, 7, 0x3FFF, 1UL << 63),
        ("fmul m64 with zero", c => c.fmul(__qword_ptr[rsi]), DenormalDouble, 0, Masked, De, 7, 0, 0),
    ];

    [Theory]
    [InlineData(Backend.Software)]
    [InlineData(Backend.Kvm)]
    public void A_denormal_operand_is_told_where_nothing_goes_before_it(Backend backend)
    {
        byte[] input = new byte[s_rows.Length * Slot];
        for (int i = 0; i < s_rows.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(input.AsSpan(i * Slot), s_rows[i].Before);
            BinaryPrimitives.WriteUInt16LittleEndian(input.AsSpan((i * Slot) + 8), s_rows[i].Control);
            BinaryPrimitives.WriteUInt64LittleEndian(input.AsSpan((i * Slot) + 16), s_rows[i].Operand);
        }

        (byte[] output, _) = DifferentialGuest.Run(backend, 64, input, s_rows.Length * Area, c =>
        {
            c.mov(rbx, DifferentialGuest.Input(64));
            c.mov(rdi, DifferentialGuest.Output(64));
            foreach (var row in s_rows)
            {
                c.lea(rsi, __[rbx + 16]);
                c.fninit();
                c.fld(__qword_ptr[rbx]);
                c.fldcw(__word_ptr[rbx + 8]);
                row.Emit(c);
                c.fxsave64(__[rdi]);
                c.fnclex();
                c.add(rbx, Slot);
                c.add(rdi, Area);
            }
        });
        Assert.All(s_rows.Index(), one =>
        {
            ReadOnlySpan<byte> area = output.AsSpan(one.Index * Area, Area);
            int status = BinaryPrimitives.ReadUInt16LittleEndian(area[2..]);
            (string, int, int, ushort, ulong) found = (one.Item.What, status & 0x80FF, (status >> 11) & 7,
                BinaryPrimitives.ReadUInt16LittleEndian(area[40..]), BinaryPrimitives.ReadUInt64LittleEndian(area[32..]));
            Assert.Equal((one.Item.What, one.Item.Status, one.Item.Top, one.Item.Head, one.Item.Significand), found);
        });
    }
}
