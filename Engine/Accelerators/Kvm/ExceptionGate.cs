using System.Runtime.InteropServices;
using Hyperpatch.Engine.Accelerators.Kvm.Native;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Kvm;

/// <summary>Where the guest's own handler of one exception begins: a gate of its IDT, or an entry of the real-mode vector table.</summary>
internal struct ExceptionGate(int vector)
{
    private ulong _low;
    private ulong _high;
    private ulong _gdtBase;
    private bool _wasProtected;
    private bool _wasLong;

    /// <summary>Linear address of the handler's first instruction; only when <see cref="IsPresent"/>.</summary>
    public ulong Handler { get; private set; }

    /// <summary>Bytes of a slot of the frame that a delivery pushes: 2, 4 or 8.</summary>
    public int FrameWidth { get; private set; }

    /// <summary>Whether there is a handler.</summary>
    public bool IsPresent { get; private set; }

    /// <summary>Looks at the gate again.</summary>
    /// <returns>True when <see cref="Handler"/> or <see cref="IsPresent"/> changed.</returns>
    public bool Update(GuestMemory memory, in PagingState paging, in KvmSregs sregs)
    {
        bool isProtected = (sregs.Cr0 & PagingState.Cr0Pe) != 0;
        bool isLong = paging.IsLongMode;
        int size = isLong ? 16 : isProtected ? 8 : 4;
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        ulong offset = (ulong)(vector * size);
        bool readable = offset + (ulong)size - 1 <= sregs.Idt.Limit
            && LinearMemory.Read(memory, paging, sregs.Idt.Base + offset, bytes[..size]) == size;
        ulong low = readable ? MemoryMarshal.Read<ulong>(bytes) : 0;
        ulong high = readable ? MemoryMarshal.Read<ulong>(bytes[8..]) : 0;
        if (low == _low && high == _high && isProtected == _wasProtected && isLong == _wasLong && sregs.Gdt.Base == _gdtBase)
        {
            return false;
        }

        (_low, _high, _wasProtected, _wasLong, _gdtBase) = (low, high, isProtected, isLong, sregs.Gdt.Base);
        ulong handlerBefore = Handler;
        bool presentBefore = IsPresent;
        Decode(memory, paging, sregs, readable);
        return Handler != handlerBefore || IsPresent != presentBefore;
    }

    private void Decode(GuestMemory memory, in PagingState paging, in KvmSregs sregs, bool readable)
    {
        ulong low = _low;
        if (!_wasProtected)
        {
            IsPresent = readable;
            FrameWidth = 2;
            Handler = ((low >> 16) & 0xFFFF) * 16 + (low & 0xFFFF);
            return;
        }

        int type = (int)(low >> 40) & 0x1F;
        bool is32 = type is 0xE or 0xF;
        bool is16 = type is 6 or 7;
        IsPresent = readable && ((low >> 47) & 1) != 0 && (is32 || (is16 && !_wasLong));
        if (!IsPresent)
        {
            return;
        }

        ulong target = (low & 0xFFFF) | (is16 ? 0 : (low >> 32) & 0xFFFF_0000);
        if (_wasLong)
        {
            FrameWidth = 8;
            Handler = target | (_high << 32);
            return;
        }

        FrameWidth = is32 ? 4 : 2;
        IsPresent = KvmSegments.TryLoad(memory, paging, sregs, (ushort)(low >> 16), out KvmSegment code);
        Handler = (uint)(code.Base + target);
    }
}
