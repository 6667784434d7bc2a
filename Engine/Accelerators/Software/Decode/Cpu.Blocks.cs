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
        ulong linear = R.Guest.Rip;
        if (_bits != 64)
        {
            linear = (uint)(linear + Segments[Seg.Cs].Base);
        }

        Block block = _jumpCache[(int)(linear ^ (linear >> 12)) & (JumpCacheSize - 1)];
        return block.Linear == linear && block.Epoch == _epoch && IsValid(block) ? block : FindBlockSlow(linear);
    }

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
        if (block.Key != key || !IsValid(block) || !IsSecondPageSame(block, linear))
        {
            block = DecodeBlock(linear, physical, key);
            slot = block;
        }

        block.Linear = linear;
        block.Epoch = _epoch;
        _jumpCache[(int)(linear ^ (linear >> 12)) & (JumpCacheSize - 1)] = block;
        return block;
    }

    private bool IsSecondPageSame(Block block, ulong linear) => block.SecondPhysical == 0
        || block.SecondPhysical == Translate(Wrap((linear & PageMask) + 0x1000), MemoryAccess.Execute, _cpl == 3);

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
        Mark(index, offset, reach);
        int version = Volatile.Read(ref _code.Versions[index]);
        ReadOnlySpan<Op> ops = _decoder.Decode(page, offset, 0, _bits);
        int end = ops.Length > 0 ? offset + ops[^1].Next + CpuVendor.MaximumInstructionLength : GuestMemory.PageSize;
        if (end > offset + reach && reach < GuestMemory.PageSize - offset)
        {
            Mark(index, offset, Math.Min(end, GuestMemory.PageSize) - offset);
            version = Volatile.Read(ref _code.Versions[index]);
            ops = _decoder.Decode(page, offset, 0, _bits);
        }

        if (ops.Length == 0)
        {
            return DecodeCrossing(linear, key, page, offset, index, version);
        }

        return new Block(key, ops.ToArray())
        {
            Page = index,
            Version = version,
            SecondPage = index,
            SecondVersion = version,
        };
    }

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
        Mark(secondIndex, 0, CpuVendor.MaximumInstructionLength);
        int secondVersion = Volatile.Read(ref _code.Versions[secondIndex]);
        return new Block(key, _decoder.Decode(page, offset, secondPage, _bits).ToArray())
        {
            Page = index,
            Version = version,
            SecondPage = secondIndex,
            SecondVersion = secondVersion,
            SecondPhysical = second,
        };
    }

    // Nobody may write to the page unseen from here on: neither this processor nor any other.
    private void Mark(int page, int offset, int length)
    {
        if (_code.Mark(page, offset, length))
        {
            FlushWriteTlb();
            _partition.StopUnseenWrites(this);
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
