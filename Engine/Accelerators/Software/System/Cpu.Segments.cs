using System.Runtime.CompilerServices;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Segmentation: addresses, descriptors, loading of segment registers (Intel SDM vol. 3, chapters 3 and 5).</summary>
internal sealed partial class Cpu
{
    private const byte AccessPresent = 0x80;
    private const byte AccessSystem = 0x10; // clear in system descriptors
    private const byte FlagLong = 2;
    private const byte FlagBig = 4;

    private bool IsProtected => (Cr0 & PagingState.Cr0Pe) != 0;

    private bool IsLongMode => (Efer & PagingState.EferLma) != 0;

    private bool IsWideStack => _bits == 64 || Segments[Seg.Ss].IsBig;

    /// <summary>After CS, CR0 or EFER changed.</summary>
    internal void CodeChanged()
    {
        ref SegmentRegister cs = ref Segments[Seg.Cs];
        _bits = IsLongMode && cs.IsLong ? 64 : cs.IsBig ? 32 : 16;
        // The same linear address may now be other code.
        _epoch++;
    }

    /// <summary>Sets the privilege level.</summary>
    internal void SetCpl(int cpl)
    {
        if (_cpl != cpl)
        {
            _cpl = cpl;
            _epoch++;
        }

        SelectTlb();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong Ea(in Op op, int size, bool write)
    {
        ulong offset = R.Get64(op.Base) + (R.Get64(op.Index) << op.Scale) + (ulong)op.Displacement;
        return op.Address == Op.AddressPlain ? offset : EaSlow(op, offset, size, write);
    }

    private ulong EaSlow(in Op op, ulong offset, int size, bool write) =>
        Linear(op.Segment, Offset(op, offset), size, write);

    private static ulong Offset(in Op op, ulong offset) => op.AddressSize switch { 8 => offset, 4 => (uint)offset, _ => (ushort)offset };

    private ulong EffectiveOffset(in Op op) =>
        Offset(op, R.Get64(op.Base) + (R.Get64(op.Index) << op.Scale) + (ulong)op.Displacement);

    private ulong Linear(int segment, ulong offset, int size, bool write)
    {
        ref SegmentRegister s = ref Segments[segment];
        if (_bits == 64)
        {
            return segment >= Seg.Fs ? s.Base + offset : offset;
        }

        if (IsOutside(s, (uint)offset, size, write))
        {
            throw segment == Seg.Ss ? Fault(12, 0) : Fault(13, 0);
        }

        return (uint)(s.Base + offset);
    }

    private bool IsOutside(in SegmentRegister s, uint offset, int size, bool write)
    {
        if (IsProtected)
        {
            bool isCode = (s.Access & 8) != 0;
            if ((s.Access & AccessPresent) == 0
                || (write ? isCode || (s.Access & 2) == 0 : isCode && (s.Access & 2) == 0))
            {
                return true;
            }

            if (!isCode && (s.Access & 4) != 0)
            {
                // Expand-down: what lies above the limit is inside.
                uint top = s.IsBig ? uint.MaxValue : 0xFFFF;
                return offset <= s.Limit || offset > top || top - offset < (uint)(size - 1);
            }
        }

        return offset > s.Limit || s.Limit - offset < (uint)(size - 1);
    }

    private void Push(ulong value, int size)
    {
        if (_bits == 64)
        {
            ulong rsp = R.Guest.Rsp - (ulong)size;
            Store(rsp, size, value);
            R.Guest.Rsp = rsp;
            return;
        }

        ulong sp = StackOffset(R.Guest.Rsp - (ulong)size);
        Store(Linear(Seg.Ss, sp, size, write: true), size, value);
        SetStack(sp);
    }

    private ulong Pop(int size)
    {
        ulong value = Peek(0, size);
        SetStack(R.Guest.Rsp + (ulong)size);
        return value;
    }

    // Reads above the stack's top without taking anything from it.
    private ulong Peek(int distance, int size) => _bits == 64
        ? Load(R.Guest.Rsp + (ulong)distance, size)
        : Load(Linear(Seg.Ss, StackOffset(R.Guest.Rsp + (ulong)distance), size, write: false), size);

    private ulong StackOffset(ulong value) => _bits == 64 ? value : Segments[Seg.Ss].IsBig ? (uint)value : (ushort)value;

    private void SetStack(ulong value)
    {
        R.Guest.Rsp = _bits == 64 ? value
            : Segments[Seg.Ss].IsBig ? (uint)value
            : (R.Guest.Rsp & ~0xFFFFUL) | (ushort)value;
    }

    // Reads and writes of the processor's own: supervisor's rights.
    private ulong LoadSystem(ulong linear, int size)
    {
        bool before = _isImplicit;
        _isImplicit = true;
        ulong value = LoadSlow(linear, size);
        _isImplicit = before;
        return value;
    }

    private void StoreSystem(ulong linear, int size, ulong value)
    {
        bool before = _isImplicit;
        _isImplicit = true;
        StoreSlow(linear, size, value);
        _isImplicit = before;
    }

    private readonly record struct Descriptor(ulong Low, ulong High, ulong Address)
    {
        public byte Access => (byte)(Low >> 40);

        public byte Flags => (byte)((Low >> 52) & 0xF);

        public bool IsPresent => (Access & AccessPresent) != 0;

        public bool IsSystem => (Access & AccessSystem) == 0;

        public bool IsCode => !IsSystem && (Access & 8) != 0;

        public bool IsConforming => IsCode && (Access & 4) != 0;

        public bool IsWritableData => !IsSystem && (Access & 0xA) == 2;

        public bool IsReadable => !IsSystem && (Access & 0xA) != 8;

        public int Type => Access & 0xF;

        public int Dpl => (Access >> 5) & 3;

        public uint Limit
        {
            get
            {
                uint limit = (uint)(Low & 0xFFFF) | (uint)((Low >> 32) & 0xF_0000);
                return (Low & (1UL << 55)) != 0 ? (limit << 12) | 0xFFF : limit;
            }
        }

        public ulong Base => ((Low >> 16) & 0xFF_FFFF) | ((Low >> 32) & 0xFF00_0000) | (High << 32);

        public SegmentRegister ToRegister(int selector) => new()
        {
            Base = Base,
            Limit = Limit,
            Selector = (ushort)selector,
            Access = Access,
            Flags = Flags,
        };
    }

    // Reads a descriptor; the fault's error code is the selector.
    private Descriptor ReadDescriptor(int selector, int vector = 13, bool isWide = false)
    {
        ulong table = Gdt.Base;
        uint limit = Gdt.Limit;
        if ((selector & 4) != 0)
        {
            if ((Ldt.Access & AccessPresent) == 0)
            {
                throw Fault(vector, (uint)selector & 0xFFFC);
            }

            table = Ldt.Base;
            limit = Ldt.Limit;
        }

        uint offset = (uint)selector & 0xFFF8;
        if (offset + (isWide ? 15u : 7u) > limit)
        {
            throw Fault(vector, (uint)selector & 0xFFFC);
        }

        ulong address = table + offset;
        return new Descriptor(LoadSystem(address, 8), isWide ? LoadSystem(address + 8, 4) : 0, address);
    }

    // Descriptors of 16 bytes: the upper half must not look like a segment's (SDM vol. 3, 5.8.3.1 and 8.2.3: bits 12:8 are 0).
    private bool HasUpperType(in Descriptor descriptor) => ((LoadSystem(descriptor.Address + 12, 4) >> 8) & 0x1F) != 0;

    private bool TryReadDescriptor(int selector, out Descriptor descriptor)
    {
        descriptor = default;
        bool local = (selector & 4) != 0;
        if ((selector & 0xFFFC) == 0 || (local && (Ldt.Access & AccessPresent) == 0)
            || ((uint)selector & 0xFFF8) + 7 > (local ? Ldt.Limit : Gdt.Limit))
        {
            return false;
        }

        descriptor = ReadDescriptor(selector);
        return true;
    }

    private Descriptor MarkAccessed(in Descriptor descriptor)
    {
        if ((descriptor.Low & (1UL << 40)) != 0)
        {
            return descriptor;
        }

        StoreSystem(descriptor.Address + 5, 1, (byte)(descriptor.Access | 1));
        return descriptor with { Low = descriptor.Low | (1UL << 40) };
    }

    /// <summary>Loads DS, ES, FS, GS or SS as MOV and POP do.</summary>
    private void LoadSegment(int index, int selector)
    {
        ref SegmentRegister s = ref Segments[index];
        if (!IsProtected)
        {
            s.Selector = (ushort)selector;
            s.Base = (ulong)(ushort)selector << 4;
            return;
        }

        if ((selector & 0xFFFC) == 0)
        {
            if (index == Seg.Ss && (_bits != 64 || _cpl == 3 || (selector & 3) != _cpl))
            {
                throw Fault(13, 0);
            }

            s = index == Seg.Ss
                ? new SegmentRegister { Selector = (ushort)selector, Access = (byte)(_cpl << 5) }
                : new SegmentRegister { Selector = (ushort)selector, Base = _vendor == Vendors.CpuVendor.Amd ? s.Base : 0 };
            return;
        }

        s = index == Seg.Ss ? ReadStackSegment(selector, _cpl, 13) : ReadDataSegment(selector, _cpl, 13);
    }

    // What SS becomes at a level of privilege. Where null is allowed the caller has seen to it; what is wrong is an exception of the vector.
    private SegmentRegister ReadStackSegment(int selector, int cpl, int vector)
    {
        uint error = (uint)selector & 0xFFFC;
        if (error == 0)
        {
            throw Fault(vector, 0);
        }

        Descriptor d = ReadDescriptor(selector, vector);
        if ((selector & 3) != cpl || !d.IsWritableData || d.Dpl != cpl)
        {
            throw Fault(vector, error);
        }

        return d.IsPresent ? MarkAccessed(d).ToRegister(selector) : throw Fault(12, error);
    }

    // The same of DS, ES, FS and GS. Not for null.
    private SegmentRegister ReadDataSegment(int selector, int cpl, int vector)
    {
        uint error = (uint)selector & 0xFFFC;
        Descriptor d = ReadDescriptor(selector, vector);
        if (!d.IsReadable || (!d.IsConforming && ((selector & 3) > d.Dpl || cpl > d.Dpl)))
        {
            throw Fault(vector, error);
        }

        return d.IsPresent ? MarkAccessed(d).ToRegister(selector) : throw Fault(11, error);
    }

    // Loads CS from a checked descriptor and sets the privilege level with it.
    private void SetCodeSegment(int selector, in Descriptor descriptor, int cpl)
    {
        Segments[Seg.Cs] = MarkAccessed(descriptor).ToRegister((selector & 0xFFFC) | cpl);
        SetCpl(cpl);
        CodeChanged();
    }
}
