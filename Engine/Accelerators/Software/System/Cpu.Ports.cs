using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>IN, OUT, INS, OUTS: the host does them; here is what the guest may, and where the data comes from and goes.</summary>
internal sealed partial class Cpu
{
    private const int MostPortBytes = 4096;

    internal ushort PortNumber;
    internal byte PortSize;
    internal uint PortCount;
    internal bool PortIsWrite;
    internal readonly byte[] PortData = new byte[MostPortBytes];

    private void ExecutePorts(in Op op)
    {
        bool isString = op.Code is OpCode.Ins or OpCode.Outs;
        bool isWrite = op.Code is OpCode.Out or OpCode.Outs;
        bool isImmediate = !isString && (isWrite ? op.To : op.From) == Op.Immediate;
        ushort port = isImmediate ? (byte)op.Value : (ushort)R.Guest.Rdx;
        int size = op.Size;
        if (_isPending)
        {
            FinishPorts(op, isString, isWrite);
            return;
        }

        CheckPort(port, size);
        bool repeats = isString && (op.Flags & (OpFlags.Repeat | OpFlags.RepeatNot)) != 0;
        ulong count = repeats ? R.Guest.Rcx & Mask(op.AddressSize) : 1;
        if (count == 0)
        {
            return;
        }

        PortNumber = port;
        PortSize = (byte)size;
        PortIsWrite = isWrite;
        PortCount = 1;
        if (!isString)
        {
            if (isWrite)
            {
                BitConverter.TryWriteBytes(PortData, R.Guest.Rax);
            }

            Wait(ExitReason.PortIo, op);
            return;
        }

        // As many elements as lie on one page; one at a time downwards.
        ulong index = isWrite ? SourceIndex(op) : DestinationIndex(op);
        ulong linear = isWrite ? Linear(op.Segment, index, size, write: false) : Linear(Seg.Es, index, size, write: true);
        ulong onPage = Math.Max(1, (0x1000 - (linear & 0xFFF)) / (ulong)size);
        count = (R.Guest.Rflags & Flag.Direction) != 0 || _bits != 64 || (_watchedData | _watchedPorts) != 0 || !IsMemory(linear, isWrite)
            ? 1
            : Math.Min(count, onPage);
        for (ulong i = 0; i < count && isWrite; i++)
        {
            ulong value = Load(linear + (i * (ulong)size), size);
            for (int b = 0; b < size; b++)
            {
                PortData[((int)i * size) + b] = (byte)(value >> (b * 8));
            }
        }

        if (!isWrite)
        {
            ProbeWrite(linear, size);
        }

        PortCount = (uint)count;
        Wait(ExitReason.PortIo, op);
    }

    // Else the host is asked for each element, which does not come back for more than one.
    private bool IsMemory(ulong linear, bool isRead)
    {
        nint page = _memory.FindPage(Translate(linear, isRead ? MemoryAccess.Read : MemoryAccess.Write, IsUserAccess) & PageMask, out bool isReadOnly);
        return page != 0 && (isRead || !isReadOnly);
    }

    private void FinishPorts(in Op op, bool isString, bool isWrite)
    {
        int size = op.Size;
        if (_watchedPorts != 0)
        {
            WatchPort(PortNumber, size);
        }

        if (!isString)
        {
            if (!isWrite)
            {
                R.Set(RegisterFile.Rax, size, BitConverter.ToUInt32(PortData));
            }

            return;
        }

        bool repeats = (op.Flags & (OpFlags.Repeat | OpFlags.RepeatNot)) != 0;
        _elements += repeats ? PortCount : 0;
        ulong step = (R.Guest.Rflags & Flag.Direction) != 0 ? (ulong)-size : (ulong)size;
        for (int i = 0; i < PortCount; i++)
        {
            if (!isWrite)
            {
                ulong value = 0;
                for (int b = 0; b < size; b++)
                {
                    value |= (ulong)PortData[(i * size) + b] << (b * 8);
                }

                Store(Linear(Seg.Es, DestinationIndex(op), size, write: true), size, value);
            }

            Advance(isWrite ? RegisterFile.Rsi : RegisterFile.Rdi, op, step);
            if (repeats)
            {
                R.Set(RegisterFile.Rcx, op.AddressSize, R.Guest.Rcx - 1);
            }
        }

        if (repeats && (R.Guest.Rcx & Mask(op.AddressSize)) != 0)
        {
            Again(op);
        }
    }

    private void CheckPort(ushort port, int size)
    {
        if (!IsProtected || _cpl <= (int)((R.Guest.Rflags >> 12) & 3))
        {
            return;
        }

        if ((Tr.Access & AccessPresent) == 0 || (Tr.Access & 0xF) is not (9 or 11) || Tr.Limit < 103)
        {
            ThrowProtection();
        }

        uint map = (uint)LoadSystem(Tr.Base + 102, 2) + (uint)(port >> 3);
        if (map + 1 > Tr.Limit)
        {
            ThrowProtection();
        }

        ulong bits = LoadSystem(Tr.Base + map, 2) >> (port & 7);
        if ((bits & ((1UL << size) - 1)) != 0)
        {
            ThrowProtection();
        }
    }
}
