using System.Buffers;
using System.Text;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Machines.Frames;
using Hyperpatch.Web.Machines.Stepping;
using Hyperpatch.Web.Machines.Views;

namespace Hyperpatch.Web.Machines;

/// <summary>A machine of the registry: the engine's machine, and what the dashboard shows of it.</summary>
public sealed class ManagedMachine : IDisposable
{
    private const int Batch = 1000;

    internal ManagedMachine(VirtualMachine machine)
    {
        Machine = machine;
        Feed = new MachineFeed(machine);
    }

    /// <summary>The engine's machine. For reading; commands go through the command service.</summary>
    public VirtualMachine Machine { get; }

    /// <summary>Its live frames.</summary>
    public MachineFeed Feed { get; }

    /// <summary>Its latest single steps.</summary>
    public StepTrail Steps { get; } = new();

    /// <summary>Its number, as text.</summary>
    public string Id => Machine.Id;

    /// <summary>Its name.</summary>
    public string Name => Machine.Options.Name;

    /// <summary>Its number of processors.</summary>
    public int ProcessorCount => Machine.Processors.Length;

    /// <summary>Name of its back end as people write it.</summary>
    public string AcceleratorTitle => Machine.AcceleratorName == "kvm" ? "KVM" : Machine.AcceleratorName;

    /// <summary>What the API shows of it.</summary>
    public MachineView View() => new()
    {
        Id = Id,
        Name = Name,
        Guest = Machine.GuestName,
        CreatedAt = Machine.CreatedAt,
        State = MachineViews.Name(Machine.State),
        Vendor = Machine.Vendor.Id,
        Accelerator = Machine.AcceleratorName,
        Deterministic = Machine.Options.Deterministic,
        InterceptControlRegisters = Machine.Options.InterceptControlRegisters,
        Unimplemented = Machine.UnimplementedInstructions,
        InterceptionLevel = PolicyNames.Of(Machine.Level),
        Policy = PolicyNames.Of(Machine.Policy),
        MemoryMiB = Machine.Options.MemoryMiB,
        CommandLine = Machine.Options.CommandLine,
        Processors = [.. Machine.Processors.Select(ProcessorDetail.Of)],
        Counters = MachineViews.Counters(Machine),
        PausedBy = MachineViews.Pause(Machine.PausedBy),
        Exit = Machine.Exit is { } exit ? new ExitStatus(exit.Reason, exit.Code) : null,
    };

    /// <summary>Its hypercall sites, by address.</summary>
    public IReadOnlyList<SiteDetail> Sites() => [.. Machine.Sites.All().Select(SiteDetail.Of)];

    /// <summary>Recorded exits, oldest first.</summary>
    /// <param name="after">Those with greater sequence numbers.</param>
    /// <param name="limit">At most so many.</param>
    /// <param name="filter">Which are wanted.</param>
    public IReadOnlyList<ExitEvent> Exits(long after, int limit, in ExitFilter filter = default)
    {
        Machine.Journal.Drain();
        return Recorded(after, limit, filter);
    }

    /// <summary>
    /// As <see cref="Exits"/>, without taking in first what the processors have written since: for those who read batch after batch and
    /// have done so once.
    /// </summary>
    /// <param name="after">Those with greater sequence numbers.</param>
    /// <param name="limit">At most so many.</param>
    /// <param name="filter">Which are wanted.</param>
    public IReadOnlyList<ExitEvent> Recorded(long after, int limit, in ExitFilter filter = default)
    {
        ExitRecord[] buffer = ArrayPool<ExitRecord>.Shared.Rent(limit);
        try
        {
            int count = Machine.Journal.Read(after, buffer.AsSpan(0, limit), filter);
            var events = new ExitEvent[count];
            for (int i = 0; i < count; i++)
            {
                events[i] = ExitEvents.Describe(buffer[i]);
            }

            return events;
        }
        finally
        {
            ArrayPool<ExitRecord>.Shared.Return(buffer);
        }
    }

    /// <summary>The latest recorded exits of a filter, oldest first. However many fit it, no more are described than are wanted.</summary>
    /// <param name="position">Looks at those with greater sequence numbers; moved to where the next look begins.</param>
    /// <param name="most">So many at most, 1 or more.</param>
    /// <param name="filter">Which are wanted.</param>
    public IReadOnlyList<ExitEvent> Latest(ref long position, int most, in ExitFilter filter)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        Machine.Journal.Drain();
        long end = Machine.Journal.LastSequence;
        ExitRecord[] batch = ArrayPool<ExitRecord>.Shared.Rent(most);
        ExitRecord[] kept = ArrayPool<ExitRecord>.Shared.Rent(most);
        try
        {
            long found = 0;
            for (int count; position < end; position = batch[count - 1].Sequence)
            {
                count = Machine.Journal.Read(position, batch.AsSpan(0, most), filter);
                if (count == 0)
                {
                    position = end;
                    break;
                }

                foreach (ref readonly ExitRecord record in batch.AsSpan(0, count))
                {
                    kept[found++ % most] = record;
                }
            }

            var events = new ExitEvent[Math.Min(found, most)];
            for (int i = 0; i < events.Length; i++)
            {
                events[i] = ExitEvents.Describe(kept[(found - events.Length + i) % most]);
            }

            return events;
        }
        finally
        {
            ArrayPool<ExitRecord>.Shared.Return(batch);
            ArrayPool<ExitRecord>.Shared.Return(kept);
        }
    }

    /// <summary>All recorded exits up to now, oldest first, a batch at a time.</summary>
    /// <param name="filter">Which are wanted.</param>
    public IEnumerable<IReadOnlyList<ExitEvent>> History(ExitFilter filter = default)
    {
        // A running machine goes on recording: what comes after the question is not part of the answer.
        Machine.Journal.Drain();
        long end = Machine.Journal.LastSequence;
        long after = 0;
        while (after < end)
        {
            IReadOnlyList<ExitEvent> batch = Recorded(after, Batch, filter);
            if (batch.Count == 0)
            {
                yield break;
            }

            after = batch[^1].Sequence;
            yield return after <= end ? batch : [.. batch.TakeWhile(exit => exit.Sequence <= end)];
        }
    }

    /// <summary>The latest serial output (64 KiB at most), byte for byte: a guest may send anything.</summary>
    public string SerialOutput() => Encoding.Latin1.GetString(Machine.Serial.ReadOutput(0, out _));

    /// <inheritdoc/>
    public void Dispose()
    {
        // The machine first: its last frame says how it ended.
        Machine.Dispose();
        Feed.Dispose();
    }
}
