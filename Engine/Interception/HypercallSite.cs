using System.Collections.Immutable;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Interception;

/// <summary>A place in guest memory that holds a hypercall instruction: one physical byte decides which vendor's.</summary>
public sealed class HypercallSite
{
    private const int HistoryCapacity = 64;
    private readonly Lock _lock = new();
    private readonly Queue<PatchEvent> _history = new();
    private PatchEvent? _last;
    private long _repeats;
    private long _calls;
    private long _patches;
    private long _attempts;
    private long _bytes;
    private int _vendor = -1;

    internal HypercallSite(int id, ulong linear, ulong physical)
    {
        Id = id;
        Linear = linear;
        Physical = physical;
    }

    /// <summary>Number of the site in its machine, from 1, in the order of discovery.</summary>
    public int Id { get; }

    /// <summary>Linear address of the instruction at its first execution.</summary>
    public ulong Linear { get; }

    /// <summary>Guest-physical address of the byte that differs between vendors.</summary>
    public ulong Physical { get; }

    /// <summary>Hypercalls served from here.</summary>
    public long Calls => Volatile.Read(ref _calls);

    /// <summary>Times the byte was written.</summary>
    public long Patches => Volatile.Read(ref _patches);

    /// <summary>Changes with each attempt: tells a watcher that the site is to be looked at again.</summary>
    public long Attempts => Volatile.Read(ref _attempts);

    /// <summary>The vendor under which the site was last used, or null.</summary>
    public CpuVendor? LastVendor => Volatile.Read(ref _vendor) is int index and >= 0 ? CpuVendor.All[index] : null;

    /// <summary>The instruction as last seen: length, and its bytes with the lowest first.</summary>
    public (int Length, ulong Bytes) Instruction
    {
        get
        {
            // One word so that readers never see length and bytes of two moments: seven bytes, length on top.
            ulong packed = (ulong)Volatile.Read(ref _bytes);
            return ((int)(packed >> 56), packed & 0x00FF_FFFF_FFFF_FFFF);
        }
    }

    /// <summary>History, oldest first.</summary>
    public ImmutableArray<PatchEvent> History
    {
        get
        {
            lock (_lock)
            {
                return _last is null ? [] : [.. _history, _last with { Count = _repeats }];
            }
        }
    }

    internal void CountCall(in ExitRecord record)
    {
        Interlocked.Increment(ref _calls);
        See(record, record.Bytes);
    }

    // Only on an attempt (wrong form): these are rare, except under the policies that leave the form as it is, where like attempts
    // share one line and allocate nothing.
    internal void CountAttempt(in ExitRecord record)
    {
        int shift = record.PatchOffset * 8;
        ulong after = (record.Bytes & ~(0xFFUL << shift)) | ((ulong)record.After << shift);
        if (record.Outcome == InterceptionOutcome.Patched)
        {
            Interlocked.Increment(ref _patches);
        }

        See(record, after);
        lock (_lock)
        {
            if (_last is not null && _repeats > 0 && IsLike(_last, record))
            {
                _repeats++;
            }
            else
            {
                Seal();
                _last = new PatchEvent(
                    record.Timestamp,
                    record.Processor,
                    ToBytes(record.Bytes, record.Length),
                    ToBytes(after, record.Length),
                    record.Policy,
                    CpuVendor.All[record.Vendor].Id,
                    record.Outcome,
                    (int)record.Epoch,
                    1);
                _repeats = 1;
            }
        }

        Interlocked.Increment(ref _attempts);
    }

    private static bool IsLike(PatchEvent last, in ExitRecord record) =>
        record.Outcome != InterceptionOutcome.Patched && last.Outcome == record.Outcome && last.Policy == record.Policy
        && last.Epoch == record.Epoch;

    private void Seal()
    {
        if (_last is null)
        {
            return;
        }

        if (_history.Count == HistoryCapacity - 1)
        {
            _ = _history.Dequeue();
        }

        _history.Enqueue(_last with { Count = _repeats });
    }

    private void See(in ExitRecord record, ulong bytes)
    {
        int length = record.Length;
        ulong packed = (bytes & 0x00FF_FFFF_FFFF_FFFF) | ((ulong)length << 56);
        Volatile.Write(ref _bytes, (long)packed);
        Volatile.Write(ref _vendor, record.Vendor);
    }

    private static byte[] ToBytes(ulong bytes, int length)
    {
        byte[] result = new byte[Math.Min(length, 8)];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = (byte)(bytes >> (i * 8));
        }

        return result;
    }
}
