using System.Runtime.CompilerServices;
using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Decoded blocks: found by linear address while translations hold, else by physical address and mode, else decoded.</summary>
internal sealed partial class Cpu
{
    private const int JumpCacheSize = 4096;
    private const int BlockCacheSize = 16384;
    private static readonly Op[] s_none = new Op[1];
    private static readonly Block s_noBlock = new(ulong.MaxValue, s_none) { Linear = ulong.MaxValue, Epoch = 0 };
    private readonly TlbEntry[] _fetchTlb = new TlbEntry[256];
    private readonly Block[] _jumpCache = NewCache(JumpCacheSize);
    private readonly Block[] _blocks = NewCache(BlockCacheSize);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Block FindBlock()
    {
        ulong linear = LinearRip;
        Block block = JumpSlot(linear);
        return block.Linear == linear && block.Epoch == _epoch && IsValid(block) ? block : FindBlockSlow(linear);
    }

    // Where the block at a linear address is, if it is there.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref Block JumpSlot(ulong linear) => ref _jumpCache[(int)(linear ^ (linear >> 12)) & (JumpCacheSize - 1)];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsValid(Block block) =>
        _code.Versions[block.Page] == block.Version && _code.Versions[block.SecondPage] == block.SecondVersion;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Block FindBlockSlow(ulong linear)
    {
        // A fetch that faults does so at the block's first instruction: nothing of this block runs.
        _block = s_none;
        _opIndex = 0;
        R.Block = R.Guest.Rip;
        if (_bits != 64 && R.Guest.Rip > Segments[Seg.Cs].Limit)
        {
            ThrowProtection();
        }

        ulong physical = Translate(linear, MemoryAccess.Execute, _cpl == 3);
        ulong key = (physical << 2) | ((ulong)_bits >> 5);
        ref Block slot = ref _blocks[(int)(physical ^ (physical >> 14)) & (BlockCacheSize - 1)];
        Block block = slot;
        if (block.Key != key || !(IsValid(block) ? IsSecondPageSame(block, linear) : TryRenew(block, physical)))
        {
            block = DecodeBlock(linear, physical, key);
            slot = block;
        }

        block.Linear = linear;
        block.Epoch = _epoch;
        JumpSlot(linear) = block;
        return block;
    }

    // Where the host need not fetch a hypercall again: three bytes, so without prefixes, on the page of its block.
    private void DescribeHypercall(in Op op)
    {
        const int Plain = 3;
        ulong linear = _bits == 64 ? R.Block : (uint)(R.Block + Segments[Seg.Cs].Base);
        Block block = JumpSlot(linear);
        ulong physical = (block.Key >> 2) + op.Start;
        bool isKnown = block.Ops == _block && op.Next - op.Start == Plain && (physical & 0xFFF) <= GuestMemory.PageSize - Plain
            && block.SecondPhysical is null && (block.Key >> 2 & PageMask) == (physical & PageMask);
        HypercallLength = isKnown ? (byte)Plain : (byte)0;
        ExitValue = isKnown ? physical + Plain - 1 : 0;
    }

    /// <summary>At an exit by a hypercall: its length, and its last byte's address is in <see cref="ExitValue"/>; 0 where it is to be fetched.</summary>
    internal byte HypercallLength { get; private set; }

    private bool IsSecondPageSame(Block block, ulong linear) => block.SecondPhysical is null
        || block.SecondPhysical == Translate(Wrap((linear & PageMask) + 0x1000), MemoryAccess.Execute, _cpl == 3);

    // Something was written to its page. Where its own bytes are what they were, as after the patch of a site beside it, it need not be
    // decoded again.
    private bool TryRenew(Block block, ulong physical)
    {
        nint page = _memory.FindPage(physical & PageMask, out _);
        if (page == 0 || block.Bytes.Length == 0)
        {
            return false;
        }

        // The version first, then the bytes, as at the decoding.
        int offset = (int)(physical & 0xFFF);
        int version = Mark(block.Page, offset, block.Bytes.Length);
        if (!HostMemory.Holds(page + offset, block.Bytes))
        {
            return false;
        }

        block.Version = block.SecondVersion = version;
        return true;
    }

    private Block DecodeBlock(ulong linear, ulong physical, ulong key)
    {
        ulong pageAddress = physical & PageMask;
        int offset = (int)(physical & 0xFFF);
        nint page = _memory.FindPage(pageAddress, out _);
        if (page == 0)
        {
            ThrowNoCode(physical);
        }

        int index = _code.IndexOf(physical);
        // The version first, then the bytes: a write between shows. Marking the rest of the page is more than will be read, but it is
        // not known yet how much that is.
        int reach = Math.Min(GuestMemory.PageSize - offset, 64);
        int version = Mark(index, offset, reach);
        ReadOnlySpan<Op> ops = _decoder.Decode(page, offset, 0, _bits);
        // As far as another processor's write in between has made the block longer, once more.
        for (int end = EndOf(ops, offset); end > offset + reach; end = EndOf(ops, offset))
        {
            reach = end - offset;
            version = Mark(index, offset, reach);
            ops = _decoder.Decode(page, offset, 0, _bits);
        }

        if (ops.Length == 0)
        {
            return DecodeCrossing(linear, key, page, offset, index, version);
        }

        return new Block(key, ops.ToArray())
        {
            Bytes = _decoder.CrossesPage ? [] : _decoder.Seen.ToArray(),
            Page = index,
            Version = version,
            SecondPage = index,
            SecondVersion = version,
        };
    }

    // What a block may rest on of its page, from the page's start.
    private static int EndOf(ReadOnlySpan<Op> ops, int offset) => ops.Length == 0 ? GuestMemory.PageSize
        : Math.Min(offset + ops[^1].Next + CpuVendor.MaximumInstructionLength, GuestMemory.PageSize);

    private Block DecodeCrossing(ulong linear, ulong key, nint page, int offset, int index, int version)
    {
        ulong next = Wrap((linear & PageMask) + 0x1000);
        ulong second = Translate(next, MemoryAccess.Execute, _cpl == 3);
        nint secondPage = _memory.FindPage(second & PageMask, out _);
        if (secondPage == 0)
        {
            ThrowNoCode(second);
        }

        int secondIndex = _code.IndexOf(second);
        int secondVersion = Mark(secondIndex, 0, CpuVendor.MaximumInstructionLength);
        return new Block(key, _decoder.Decode(page, offset, secondPage, _bits).ToArray())
        {
            Page = index,
            Version = version,
            SecondPage = secondIndex,
            SecondVersion = secondVersion,
            SecondPhysical = second,
        };
    }

    // Nobody may write to this part of the page unseen from here on: neither this processor nor any other. The page's version from which
    // that holds.
    private int Mark(int page, int offset, int length)
    {
        for (;;)
        {
            if (!_code.IsMarked(page, offset, length))
            {
                _partition.BeginStop();
                if (_code.Mark(page, offset, length))
                {
                    FlushWriteTlb();
                    _partition.StopUnseenWrites(this);
                }

                _partition.EndStop();
            }

            // Another processor may have marked it and not have stopped everybody yet.
            _partition.AwaitStops(this);
            int version = Volatile.Read(ref _code.Versions[page]);
            // A write in between took the mark away before it moved the version on.
            if (_code.IsMarked(page, offset, length))
            {
                return version;
            }
        }
    }

    internal void AnswerFlush()
    {
        if ((Volatile.Read(ref _attention) & AttentionFlush) != 0)
        {
            FlushWriteTlb();
            Interlocked.And(ref _attention, ~AttentionFlush);
        }
    }

    private void ThrowNoCode(ulong physical)
    {
        FailureText = $"The guest executes at guest-physical 0x{physical:X}, where no memory is.";
        ExitReason = Exits.ExitReason.Failure;
        ExitValue = physical;
        throw Fault(-1);
    }

    internal string FailureText { get; private set; } = string.Empty;

    private static Block[] NewCache(int size)
    {
        Block[] cache = new Block[size];
        Array.Fill(cache, s_noBlock);
        return cache;
    }
}
