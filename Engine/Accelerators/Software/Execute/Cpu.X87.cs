using System.Buffers.Binary;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>The x87's registers, its stack and its exceptions.</summary>
internal sealed partial class Cpu
{
    private const ulong Cr0MonitorCoprocessor = 2;
    private const ulong Cr0Emulated = 4;
    private const ulong Cr0TaskSwitched = 8;
    private const ulong Cr0NumericError = 0x20;
    private const int StackFault = 0x40;
    private const int ErrorSummary = 0x8080; // ES, and B, which follows it
    private const int Conditions = 0x4500;
    private const int OpcodeBits = 0x7FF;
    private const int StatusBits = 0x477F; // without TOP, ES and B
    private readonly Float80[] _x87 = new Float80[8];
    private int _x87Top;
    private int _x87Control;
    private int _x87Status; // without TOP
    private int _x87Used; // a bit for each register that is not empty

    // Of the last instruction that was not a control instruction: where it was, where its operand was, and its opcode.
    private ulong _x87Instruction;
    private ulong _x87Data;
    private ushort _x87InstructionSelector;
    private ushort _x87DataSelector;
    private int _x87Opcode;

    private ushort X87StatusWord => (ushort)(_x87Status | (_x87Top << 11));

    // The registers into the area that FXSAVE writes, which has them from the top on. FXSAVE64 has wide pointers and no selectors.
    private void X87ToArea(bool isWide)
    {
        Span<byte> area = _float;
        area[6..24].Clear();
        // AMD's processors save where the last instruction was only for one whose exception is pending.
        if (_vendor != CpuVendor.Amd || (_x87Status & ErrorSummary) != 0)
        {
            WritePointers(area, isWide);
        }

        BinaryPrimitives.WriteUInt16LittleEndian(area, (ushort)_x87Control);
        BinaryPrimitives.WriteUInt16LittleEndian(area[2..], X87StatusWord);
        area[4] = (byte)_x87Used;
        for (int i = 0; i < 8; i++)
        {
            Float80 value = _x87[(_x87Top + i) & 7];
            Span<byte> slot = area.Slice(32 + (i * 16), 16);
            BinaryPrimitives.WriteUInt64LittleEndian(slot, value.Significand);
            BinaryPrimitives.WriteUInt64LittleEndian(slot[8..], value.Head);
        }
    }

    private void WritePointers(Span<byte> area, bool isWide)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(area[6..], (ushort)_x87Opcode);
        BinaryPrimitives.WriteUInt64LittleEndian(
            area[8..], isWide ? _x87Instruction : (uint)_x87Instruction | ((ulong)_x87InstructionSelector << 32));
        BinaryPrimitives.WriteUInt64LittleEndian(area[16..], isWide ? _x87Data : (uint)_x87Data | ((ulong)_x87DataSelector << 32));
    }

    private void X87FromArea(bool isWide)
    {
        ReadOnlySpan<byte> area = _float;
        SetX87Control(BinaryPrimitives.ReadUInt16LittleEndian(area));
        int status = BinaryPrimitives.ReadUInt16LittleEndian(area[2..]);
        _x87Top = (status >> 11) & 7;
        _x87Status = status & StatusBits;
        _x87Used = area[4];
        _x87Opcode = BinaryPrimitives.ReadUInt16LittleEndian(area[6..]) & OpcodeBits;
        ulong instruction = BinaryPrimitives.ReadUInt64LittleEndian(area[8..]), data = BinaryPrimitives.ReadUInt64LittleEndian(area[16..]);
        _x87Instruction = isWide ? instruction : (uint)instruction;
        _x87InstructionSelector = isWide ? (ushort)0 : (ushort)(instruction >> 32);
        _x87Data = isWide ? data : (uint)data;
        _x87DataSelector = isWide ? (ushort)0 : (ushort)(data >> 32);
        for (int i = 0; i < 8; i++)
        {
            ReadOnlySpan<byte> slot = area.Slice(32 + (i * 16), 16);
            _x87[(_x87Top + i) & 7] = new Float80(
                BinaryPrimitives.ReadUInt16LittleEndian(slot[8..]), BinaryPrimitives.ReadUInt64LittleEndian(slot));
        }

        SummarizeX87();
    }

    // FNINIT. The registers keep what they have, but count as empty.
    private void ResetX87()
    {
        _x87Control = 0x37F;
        _x87Status = _x87Top = _x87Used = _x87Opcode = 0;
        _x87Instruction = _x87Data = 0;
        _x87InstructionSelector = _x87DataSelector = 0;
    }

    // Bit 6 is always set, those that mean nothing are always clear.
    private void SetX87Control(int value) => _x87Control = (value & 0x1F7F) | 0x40;

    private void SummarizeX87()
    {
        _x87Status &= ~ErrorSummary;
        _x87Status |= (_x87Status & ~_x87Control & 0x3F) != 0 ? ErrorSummary : 0;
    }

    private void CheckX87Available()
    {
        if ((Cr0 & (Cr0Emulated | Cr0TaskSwitched)) != 0)
        {
            Throw(7);
        }
    }

    // With CR0.NE clear the error would go out by a pin, to which nothing is connected here.
    private void CheckX87Pending()
    {
        if ((_x87Status & ErrorSummary) != 0 && (Cr0 & Cr0NumericError) != 0)
        {
            Throw(16);
        }
    }

    private bool IsX87Empty(int index) => (_x87Used & (1 << ((_x87Top + index) & 7))) == 0;

    private Float80 GetX87(int index) => _x87[(_x87Top + index) & 7];

    private void SetX87(int index, Float80 value)
    {
        int at = (_x87Top + index) & 7;
        _x87[at] = value;
        _x87Used |= 1 << at;
    }

    private void PushX87(Float80 value)
    {
        _x87Top = (_x87Top - 1) & 7;
        SetX87(0, value);
    }

    private void PopX87()
    {
        _x87Used &= ~(1 << _x87Top);
        _x87Top = (_x87Top + 1) & 7;
    }

    private void FreeX87(int index) => _x87Used &= ~(1 << ((_x87Top + index) & 7));

    // C1 is not sticky: every operation says it anew.
    private void NoteX87(int flags)
    {
        _x87Status = (_x87Status & ~FloatContext.RoundedUp) | flags;
        SummarizeX87();
    }

    // True when the operation goes on with an indefinite result.
    private bool NoteStackFault(bool isOverflow)
    {
        NoteX87(FloatContext.Invalid | StackFault | (isOverflow ? FloatContext.RoundedUp : 0));
        return (_x87Control & FloatContext.Invalid) != 0;
    }

    private void ExecuteX87Control(in Op op)
    {
        if (op.Code == OpCode.Fwait)
        {
            if ((Cr0 & (Cr0MonitorCoprocessor | Cr0TaskSwitched)) == (Cr0MonitorCoprocessor | Cr0TaskSwitched))
            {
                Throw(7);
            }

            CheckX87Pending();
            return;
        }

        CheckX87Available();
        switch (op.Code)
        {
            case OpCode.Fninit:
                ResetX87();
                return;
            case OpCode.Fnclex:
                _x87Status &= 0x7F00;
                return;
            case OpCode.Fnstcw:
                Store(Ea(op, 2, write: true), 2, (ushort)_x87Control);
                return;
            case OpCode.Fldcw:
                CheckX87Pending();
                SetX87Control((int)Load(Ea(op, 2, write: false), 2));
                SummarizeX87();
                return;
            default:
                if (op.To == Op.InMemory)
                {
                    Store(Ea(op, 2, write: true), 2, X87StatusWord);
                }
                else
                {
                    R.Set(RegisterFile.Rax, 2, X87StatusWord);
                }

                return;
        }
    }
}
