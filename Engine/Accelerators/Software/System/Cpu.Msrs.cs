using Hyperpatch.Engine.Accelerators.Software.Apic;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Model-specific registers. Unknown ones are the host's to refuse.</summary>
internal sealed partial class Cpu
{
    /// <summary>Those that make up a processor's state, in the order in which they are restored.</summary>
    internal static ReadOnlySpan<uint> StateMsrs =>
    [
        0x10, 0x3B, 0x174, 0x175, 0x176, 0x277, 0x2FF, 0x1A0, 0x8B,
        0xC000_0081, 0xC000_0082, 0xC000_0083, 0xC000_0084, 0xC000_0102, 0xC000_0103, LocalApic.MsrTscDeadline,
    ];

    private ulong _sysenterCs;
    private ulong _sysenterEsp;
    private ulong _sysenterEip;
    private ulong _star;
    private ulong _lstar;
    private ulong _cstar;
    private ulong _syscallMask;
    private ulong _kernelGsBase;
    private ulong _tscAux;
    private ulong _tscAdjust;
    private ulong _pat = 0x0007_0406_0007_0406;
    private ulong _mtrrDefault = 0xC06;
    private ulong _miscEnable = 1;
    private ulong _microcode;
    private readonly ulong[] _mtrrs = new ulong[32];

    private void ExecuteMsr(in Op op)
    {
        uint index = (uint)R.Guest.Rcx;
        bool isRead = op.Code == OpCode.Rdmsr;
        ulong value = (R.Guest.Rdx << 32) | (uint)R.Guest.Rax;
        if (_isPending)
        {
            // The host let an unknown one pass.
            value = 0;
        }
        else
        {
            bool known = isRead ? TryReadMsr(index, out value) : TryWriteMsr(index, value);
            if (!known)
            {
                ExitValue = isRead ? 0 : value;
                Wait(isRead ? ExitReason.MsrRead : ExitReason.MsrWrite, op);
                return;
            }
        }

        if (isRead)
        {
            R.Guest.Rax = (uint)value;
            R.Guest.Rdx = value >> 32;
        }
        else
        {
            ApicChanged();
            LeaveRun();
        }
    }

    private void ApicChanged()
    {
        if (Apic.HasWork || Apic.NextDeadline != ulong.MaxValue)
        {
            // The loop looks at it before it goes on.
            _untilTimeCheck = 0;
            _isLeaving = true;
        }
    }

    internal bool TryReadMsr(uint index, out ulong value)
    {
        switch (index)
        {
            case 0x10:
                value = Timestamp;
                return true;
            case 0x3B:
                value = _tscAdjust;
                return true;
            case LocalApic.MsrBase or LocalApic.MsrTscDeadline or (>= LocalApic.MsrX2Apic and <= 0x8FF):
                if (!Apic.TryReadMsr(index, out value))
                {
                    throw Fault(13, 0);
                }

                return true;
            case 0x174:
                value = _sysenterCs;
                return true;
            case 0x175:
                value = _sysenterEsp;
                return true;
            case 0x176:
                value = _sysenterEip;
                return true;
            case 0x8B:
                value = _microcode;
                return true;
            case 0xFE:
                value = 0x508; // 8 variable ranges, fixed ranges, write-combining
                return true;
            case (>= 0x200 and <= 0x20F) or 0x250 or 0x258 or 0x259 or (>= 0x268 and <= 0x26F):
                value = _mtrrs[MtrrIndex(index)];
                return true;
            case 0x277:
                value = _pat;
                return true;
            case 0x2FF:
                value = _mtrrDefault;
                return true;
            case 0x1A0:
                value = _miscEnable;
                return true;
            case 0x179 or 0x17A or 0x17B:
                value = 0;
                return true;
            case 0xC000_0080:
                value = Efer;
                return true;
            case 0xC000_0081:
                value = _star;
                return true;
            case 0xC000_0082:
                value = _lstar;
                return true;
            case 0xC000_0083:
                value = _cstar;
                return true;
            case 0xC000_0084:
                value = _syscallMask;
                return true;
            case 0xC000_0100:
                value = Segments[Seg.Fs].Base;
                return true;
            case 0xC000_0101:
                value = Segments[Seg.Gs].Base;
                return true;
            case 0xC000_0102:
                value = _kernelGsBase;
                return true;
            case 0xC000_0103:
                value = _tscAux;
                return true;
            default:
                value = 0;
                return false;
        }
    }

    internal bool TryWriteMsr(uint index, ulong value)
    {
        switch (index)
        {
            case 0x10:
                Timestamp = value;
                return true;
            case 0x3B:
                Timestamp = Timestamp + value - _tscAdjust;
                _tscAdjust = value;
                return true;
            case LocalApic.MsrBase or LocalApic.MsrTscDeadline or (>= LocalApic.MsrX2Apic and <= 0x8FF):
                if (!Apic.TryWriteMsr(index, value))
                {
                    throw Fault(13, 0);
                }

                if (index == LocalApic.MsrBase)
                {
                    // The registers' page may be another.
                    FlushTlb();
                }

                return true;
            case 0x174:
                _sysenterCs = (uint)value;
                return true;
            case 0x175:
                RequireCanonical(value);
                _sysenterEsp = value;
                return true;
            case 0x176:
                RequireCanonical(value);
                _sysenterEip = value;
                return true;
            case 0x8B:
                _microcode = value;
                return true;
            case 0x79:
                return true;
            case (>= 0x200 and <= 0x20F) or 0x250 or 0x258 or 0x259 or (>= 0x268 and <= 0x26F):
                _mtrrs[MtrrIndex(index)] = value;
                return true;
            case 0x277:
                _pat = value;
                return true;
            case 0x2FF:
                _mtrrDefault = value;
                return true;
            case 0x1A0:
                _miscEnable = value;
                return true;
            case 0x179 or 0x17A or 0x17B:
                return true;
            case 0xC000_0080:
                WriteEfer(value);
                return true;
            case 0xC000_0081:
                _star = value;
                return true;
            case 0xC000_0082:
                RequireCanonical(value);
                _lstar = value;
                return true;
            case 0xC000_0083:
                RequireCanonical(value);
                _cstar = value;
                return true;
            case 0xC000_0084:
                _syscallMask = (uint)value;
                return true;
            case 0xC000_0100:
                RequireCanonical(value);
                Segments[Seg.Fs].Base = value;
                return true;
            case 0xC000_0101:
                RequireCanonical(value);
                Segments[Seg.Gs].Base = value;
                return true;
            case 0xC000_0102:
                RequireCanonical(value);
                _kernelGsBase = value;
                return true;
            case 0xC000_0103:
                _tscAux = (uint)value;
                return true;
            default:
                return false;
        }
    }

    private static int MtrrIndex(uint index) => index switch
    {
        < 0x210 => (int)(index - 0x200),
        0x250 => 16,
        0x258 or 0x259 => (int)(index - 0x258) + 17,
        _ => (int)(index - 0x268) + 19,
    };

    private void RequireCanonical(ulong value)
    {
        if (!IsCanonical(value))
        {
            ThrowProtection();
        }
    }

    private void WriteEfer(ulong value)
    {
        const ulong Known = 1 | EferLme | PagingState.EferLma | PagingState.EferNxe;
        bool pages = (Cr0 & PagingState.Cr0Pg) != 0;
        if ((value & ~Known) != 0 || (pages && ((value ^ Efer) & EferLme) != 0))
        {
            ThrowProtection();
        }

        // LMA is not the guest's to set.
        Efer = (value & ~PagingState.EferLma) | (Efer & PagingState.EferLma);
        FlushTlb();
    }

    private bool IsApicPage(ulong physical) => (physical & PageMask) == Apic.RegisterPage;

    private ulong ReadApicPage(ulong physical, int size) => Apic.ReadPage((uint)(physical & 0xFFF), size);

    private void WriteApicPage(ulong physical, int size, ulong value)
    {
        Apic.WritePage((uint)(physical & 0xFFF), size, value);
        ApicChanged();
        _opEnd = 0;
    }
}
