using System.Collections.Concurrent;
using System.Diagnostics;
using Hyperpatch.Engine.Accelerators.Software.Apic;
using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Vendors;
using Iced.Intel;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>A guest's hardware in software: its processors, and the bus between their local APICs.</summary>
internal partial class SoftwarePartition(GuestMemory memory, CpuVendor vendor, TurnSchedule? turns = null) : IPartition, IDirtyLog, IControlRegisterExits, IUnimplementedInstructions
{
    internal const int MostProcessors = 64;
    private readonly Cpu?[] _processors = new Cpu?[MostProcessors];
    private readonly ConcurrentDictionary<int, long> _unimplemented = new();
    private int _count;
    private int _stops;

    public GuestMemory Memory => memory;

    public CpuVendor Vendor => vendor;

    public CodePageMap Code { get; } = memory.TrackCode();

    public ApicBus Bus { get; } = new();

    public int Count => Volatile.Read(ref _count);

    /// <summary>Whose turn it is, or null where each processor runs for itself.</summary>
    public TurnSchedule? Turns { get; } = turns;

    /// <summary>Makes the time-stamp counters start near zero, and alike.</summary>
    public ulong TimestampOffset { get; } =
        turns is not null ? 0 : (ulong)-(Stopwatch.GetTimestamp() * (1_000_000_000 / Stopwatch.Frequency));

    public long? KernelHypercalls => null;

    public bool ReportsControlRegisters { get; set; }

    /// <summary>Instructions that were met and are not implemented, by name.</summary>
    public IEnumerable<KeyValuePair<string, long>> UnimplementedInstructions =>
        _unimplemented.Select(pair => KeyValuePair.Create(((Mnemonic)pair.Key).ToString(), pair.Value));

    public IProcessor CreateProcessor(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, MostProcessors);
        Cpu cpu = new(this, index);
        Volatile.Write(ref _processors[index], cpu);
        Bus.Attach(cpu.Apic);
        Turns?.Attach(cpu);
        _count = Math.Max(_count, index + 1);
        return new SoftwareProcessor(cpu, index);
    }

    public bool DeliverInterrupt(uint apicId, byte vector, int deliveryMode)
    {
        bool isTaken = Bus.Send(null, ApicMessage.ToProcessor(apicId, (ApicDelivery)deliveryMode, vector));
        Turns?.WakeIfIdle();
        return isTaken;
    }

    public void WakeFromHalt(uint apicId)
    {
        if (apicId < MostProcessors)
        {
            Volatile.Read(ref _processors[apicId])?.Apic.RequestKick();
            Turns?.WakeIfIdle();
        }
    }

    public void CountUnimplemented(int mnemonic) => _unimplemented.AddOrUpdate(mnemonic, 1, static (_, count) => count + 1);

    /// <summary>A processor is about to mark a page as code: before the mark shows.</summary>
    public void BeginStop() => Interlocked.Increment(ref _stops);

    /// <summary>Nobody writes to the marked page unseen any more.</summary>
    public void EndStop() => Interlocked.Decrement(ref _stops);

    /// <summary>Waits until every page that is marked is safe from unseen writes. On a processor's own thread.</summary>
    public void AwaitStops(Cpu self)
    {
        if (Volatile.Read(ref _stops) == 0)
        {
            return;
        }

        SpinWait spin = default;
        while (Volatile.Read(ref _stops) != 0)
        {
            // Whoever marks may be waiting for this one.
            self.AnswerFlush();
            spin.SpinOnce(sleep1Threshold: -1);
        }
    }

    /// <summary>Waits until no (other) processor writes past the maps of code and of dirty pages.</summary>
    /// <param name="self">The processor whose thread this is, or null on a thread of the host's.</param>
    public void StopUnseenWrites(Cpu? self)
    {
        for (int i = 0; i < Count; i++)
        {
            if (_processors[i] is Cpu other && other != self)
            {
                other.StopUnseenWrites();
            }
        }

        Interlocked.MemoryBarrier();
        for (int i = 0; i < Count; i++)
        {
            if (_processors[i] is not Cpu other || other == self)
            {
                continue;
            }

            SpinWait spin = default;
            while (other.MayWriteUnseen)
            {
                // The other may be waiting for this one.
                self?.AnswerFlush();
                spin.SpinOnce(sleep1Threshold: -1);
            }
        }
    }

    public void Dispose()
    {
        StopDirtyLog();
        GC.SuppressFinalize(this);
    }
}
