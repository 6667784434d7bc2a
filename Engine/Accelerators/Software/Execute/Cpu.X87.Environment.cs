using System.Buffers.Binary;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>
/// FNSTENV, FNSAVE and their counterparts, in the four layouts (Intel SDM vol. 1, figures 8-9 to 8-12): of 16 and 32 bits, each with
/// selectors, or with linear addresses in real-address and virtual-8086 mode. 64-bit mode has the one of 32 bits with selectors.
/// </summary>
internal sealed partial class Cpu
{
    private const int NarrowEnvironment = 14, WideEnvironment = 28;
    private const int EmptyTag = 3;

    private void ExecuteX87Environment(in Op op)
    {
        CheckX87Available();
        bool isStore = op.Code is OpCode.Fnstenv or OpCode.Fnsave;
        int size = op.Size;
        bool isWide = size is WideEnvironment or WideEnvironment + (8 * ExtendedSize);
        if (!isStore)
        {
            CheckX87Pending();
        }

        ulong address = Ea(op, size, isStore);
        Span<byte> area = stackalloc byte[WideEnvironment + (8 * ExtendedSize)];
        int environment = isWide ? WideEnvironment : NarrowEnvironment;
        if (isStore)
        {
            WriteEnvironment(area, isWide);
            WriteRegisters(area[environment..]);
            RequireAlignedArea(address, size, isWide, MemoryAccess.Write);
            ProbeWrite(address, size);
            StoreBytes(address, area[..size]);
            if (op.Code == OpCode.Fnsave)
            {
                ResetX87();
                return;
            }

            _x87Control |= 0x3F;
            SummarizeX87();
            return;
        }

        RequireAlignedArea(address, size, isWide, MemoryAccess.Read);
        LoadBytes(address, area[..size]);
        ReadEnvironment(area, isWide);
        if (op.Code == OpCode.Frstor)
        {
            ReadRegisters(area[environment..]);
        }
    }

    // The area is of words or of doublewords as a whole, whatever its parts are moved by (SDM vol. 3, table 6-7).
    private void RequireAlignedArea(ulong address, int size, bool isWide, MemoryAccess access)
    {
        if (_checksAlignment)
        {
            RequireAligned(address, isWide ? 4 : 2, access, size);
        }
    }

    private void WriteEnvironment(Span<byte> to, bool isWide)
    {
        const uint Reserved = 0xFFFF_0000;
        uint instruction = (uint)_x87Instruction, data = (uint)_x87Data;
        uint behindInstruction = _x87InstructionSelector | ((uint)_x87Opcode << 16), behindData = _x87DataSelector | Reserved;
        if (!IsProtected)
        {
            uint linear = instruction + ((uint)_x87InstructionSelector << 4), linearData = data + ((uint)_x87DataSelector << 4);
            instruction = (ushort)linear | Reserved;
            data = (ushort)linearData | Reserved;
            // The narrow layout has room for the lowest four bits of what is behind the point of division.
            behindInstruction = (linear >> 16 << 12) | (uint)_x87Opcode;
            behindData = linearData >> 16 << 12;
        }

        ReadOnlySpan<uint> fields =
        [
            (uint)_x87Control | Reserved, X87StatusWord | Reserved, (uint)FullTags() | Reserved,
            instruction, behindInstruction, data, behindData,
        ];
        for (int i = 0; i < fields.Length; i++)
        {
            if (isWide)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(to[(i * 4)..], fields[i]);
            }
            else
            {
                BinaryPrimitives.WriteUInt16LittleEndian(to[(i * 2)..], (ushort)fields[i]);
            }
        }
    }

    private void ReadEnvironment(ReadOnlySpan<byte> from, bool isWide)
    {
        Span<uint> fields = stackalloc uint[7];
        for (int i = 0; i < fields.Length; i++)
        {
            fields[i] = isWide
                ? BinaryPrimitives.ReadUInt32LittleEndian(from[(i * 4)..])
                : BinaryPrimitives.ReadUInt16LittleEndian(from[(i * 2)..]);
        }

        SetX87Control((int)fields[0]);
        _x87Top = (int)(fields[1] >> 11) & 7;
        _x87Status = (int)fields[1] & StatusBits;
        _x87Used = 0;
        for (int i = 0; i < 8; i++)
        {
            _x87Used |= (fields[2] >> (i * 2) & EmptyTag) != EmptyTag ? 1 << i : 0;
        }

        if (IsProtected)
        {
            _x87Instruction = fields[3];
            _x87InstructionSelector = (ushort)fields[4];
            _x87Data = fields[5];
            _x87DataSelector = (ushort)fields[6];
            _x87Opcode = (int)(fields[4] >> 16) & OpcodeBits;
        }
        else
        {
            _x87Instruction = (ushort)fields[3] | ((fields[4] >> 12 & 0xFFFF) << 16);
            _x87Data = (ushort)fields[5] | ((fields[6] >> 12 & 0xFFFF) << 16);
            _x87InstructionSelector = _x87DataSelector = 0;
            _x87Opcode = (int)fields[4] & OpcodeBits;
        }

        SummarizeX87();
    }

    // Two bits for each register: a number, zero, something else, empty.
    private int FullTags()
    {
        int tags = 0;
        for (int i = 0; i < 8; i++)
        {
            Float80 value = _x87[i];
            int tag = (_x87Used & (1 << i)) == 0 ? EmptyTag
                : value.IsZero ? 1
                : value.IsNaN || value.IsInfinity || value.IsDenormal || value.IsUnsupported ? 2
                : 0;
            tags |= tag << (i * 2);
        }

        return tags;
    }

    private void WriteRegisters(Span<byte> to)
    {
        for (int i = 0; i < 8; i++)
        {
            Float80 value = GetX87(i);
            BinaryPrimitives.WriteUInt64LittleEndian(to[(i * ExtendedSize)..], value.Significand);
            BinaryPrimitives.WriteUInt16LittleEndian(to[((i * ExtendedSize) + 8)..], value.Head);
        }
    }

    private void ReadRegisters(ReadOnlySpan<byte> from)
    {
        for (int i = 0; i < 8; i++)
        {
            ReadOnlySpan<byte> slot = from[(i * ExtendedSize)..];
            _x87[(_x87Top + i) & 7] = new Float80(
                BinaryPrimitives.ReadUInt16LittleEndian(slot[8..]), BinaryPrimitives.ReadUInt64LittleEndian(slot));
        }
    }

    // In pairs of bytes, of which all sizes here consist; eight at a time as long as there are so many, and nobody looks how they lie.
    private void StoreBytes(ulong address, ReadOnlySpan<byte> from)
    {
        int at = 0;
        for (; at + 8 <= from.Length && !_checksAlignment; at += 8)
        {
            Store(Wrap(address + (ulong)at), 8, BinaryPrimitives.ReadUInt64LittleEndian(from[at..]));
        }

        for (; at < from.Length; at += 2)
        {
            Store(Wrap(address + (ulong)at), 2, BinaryPrimitives.ReadUInt16LittleEndian(from[at..]));
        }
    }

    private void LoadBytes(ulong address, Span<byte> to)
    {
        int at = 0;
        for (; at + 8 <= to.Length && !_checksAlignment; at += 8)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(to[at..], Load(Wrap(address + (ulong)at), 8));
        }

        for (; at < to.Length; at += 2)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(to[at..], (ushort)Load(Wrap(address + (ulong)at), 2));
        }
    }
}
