using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>String instructions, with REP a stretch at a time: registers are whole after each element, so that faults and interrupts restart.</summary>
internal sealed partial class Cpu
{
    private const int MostElements = 4096;

    private ulong SourceIndex(in Op op) => R.Guest.Rsi & Mask(op.AddressSize);

    private ulong DestinationIndex(in Op op) => R.Guest.Rdi & Mask(op.AddressSize);

    private void ExecuteString(in Op op)
    {
        bool repeats = (op.Flags & (OpFlags.Repeat | OpFlags.RepeatNot)) != 0;
        if (!repeats)
        {
            StringElement(op);
            return;
        }

        ulong mask = Mask(op.AddressSize);
        bool compares = op.Code is OpCode.Cmps or OpCode.Scas;
        bool whileEqual = (op.Flags & OpFlags.Repeat) != 0;
        // In turn, an element takes as long as an instruction: no stretch goes beyond what ends the turn or the timer's wait.
        int most = _turns is TurnSchedule turns ? (int)Math.Clamp(turns.Left(this), 1, MostElements) : int.MaxValue;
        int budget = _isPrecise ? 1 : Math.Min(most, MostElements);
        while ((R.Guest.Rcx & mask) != 0)
        {
            if (budget <= 0)
            {
                Again(op);
                return;
            }

            int done = _isPrecise ? 0 : StringRun(op, most);
            if (done == 0)
            {
                StringElement(op);
                done = 1;
                // The answers of the host were for this element.
                _replayCount = _replayAt = 0;
            }

            budget -= done;
            most -= _turns is null ? 0 : done;
            _elements += done;
            R.Set(RegisterFile.Rcx, op.AddressSize, (R.Guest.Rcx & mask) - (ulong)done);
            if ((compares && ZeroFlag != whileEqual) || _opEnd == 0)
            {
                break;
            }
        }

        if (_opEnd == 0 && (R.Guest.Rcx & mask) != 0 && !(compares && ZeroFlag != whileEqual))
        {
            Again(op);
        }
        else if (_isPrecise && (R.Guest.Rcx & mask) != 0 && !(compares && ZeroFlag != whileEqual))
        {
            Again(op);
        }
        else if (_turns is not null)
        {
            // What is left of the turn is no longer what the block began with.
            LeaveBlock();
        }
    }

    // The instruction is not over; whatever is to happen between two elements happens now.
    private void Again(in Op op)
    {
        _isRepeating = true;
        _retired--;
        _untilTimeCheck -= MostElements / 8;
        Jump(MaskRip(R.Block + op.Start));
        LeaveBlock();
    }

    private void StringElement(in Op op)
    {
        int size = op.Size;
        ulong step = (R.Guest.Rflags & Flag.Direction) != 0 ? (ulong)-size : (ulong)size;
        switch (op.Code)
        {
            case OpCode.Movs:
            {
                ulong value = Load(Linear(op.Segment, SourceIndex(op), size, write: false), size);
                Store(Linear(Seg.Es, DestinationIndex(op), size, write: true), size, value);
                Advance(RegisterFile.Rsi, op, step);
                Advance(RegisterFile.Rdi, op, step);
                return;
            }

            case OpCode.Stos:
                Store(Linear(Seg.Es, DestinationIndex(op), size, write: true), size, R.Guest.Rax);
                Advance(RegisterFile.Rdi, op, step);
                return;
            case OpCode.Lods:
                R.Set(RegisterFile.Rax, size, Load(Linear(op.Segment, SourceIndex(op), size, write: false), size));
                Advance(RegisterFile.Rsi, op, step);
                return;
            case OpCode.Scas:
            {
                ulong a = R.Guest.Rax, b = Load(Linear(Seg.Es, DestinationIndex(op), size, write: false), size);
                FlagsOfSubtract(a, b, a - b, op.Shift);
                Advance(RegisterFile.Rdi, op, step);
                return;
            }

            default:
            {
                ulong a = Load(Linear(op.Segment, SourceIndex(op), size, write: false), size);
                ulong b = Load(Linear(Seg.Es, DestinationIndex(op), size, write: false), size);
                FlagsOfSubtract(a, b, a - b, op.Shift);
                Advance(RegisterFile.Rsi, op, step);
                Advance(RegisterFile.Rdi, op, step);
                return;
            }
        }
    }

    private void Advance(int register, in Op op, ulong step) => R.Set(register, op.AddressSize, R.Get64(register) + step);

    // Many elements of MOVS or STOS at a time, upwards inside pages. Returns how many, 0 for the slow way.
    private int StringRun(in Op op, int most)
    {
        if (op.Code is not (OpCode.Movs or OpCode.Stos) || (R.Guest.Rflags & Flag.Direction) != 0 || _bits != 64 || op.AddressSize != 8)
        {
            return 0;
        }

        int size = op.Size;
        ulong destination = R.Guest.Rdi;
        ulong elements = Math.Min(Math.Min(R.Guest.Rcx, (ulong)most), (0x1000 - (destination & 0xFFF)) / (ulong)size);
        ulong source = 0;
        nint from = 0;
        if (op.Code == OpCode.Movs)
        {
            source = Linear(op.Segment, R.Guest.Rsi, size, write: false);
            elements = Math.Min(elements, (0x1000 - (source & 0xFFF)) / (ulong)size);
            if (elements < 2 || !FindHost(_readTlb, source, size, out from))
            {
                return 0;
            }
        }

        if (elements < 2 || !FindHost(_writeTlb, destination, size, out nint to))
        {
            return 0;
        }

        int bytes = (int)elements * size;
        if (op.Code == OpCode.Movs)
        {
            HostMemory.CopyUpwards(to, from, bytes);
            R.Guest.Rsi += (ulong)bytes;
        }
        else
        {
            HostMemory.Fill(to, bytes, size, R.Guest.Rax);
        }

        R.Guest.Rdi += (ulong)bytes;
        return (int)elements;
    }
}
