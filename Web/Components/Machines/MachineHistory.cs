using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Vendors;
using Hyperpatch.Web.Machines;

namespace Hyperpatch.Web.Components.Machines;

/// <summary>
/// What a page that has just been opened shows of the time before: the last hour as points of the chart, vendor switches, the latest
/// patches and the latest exits. So a page that was lost and loaded again looks as if it had been open all the time.
/// </summary>
/// <param name="Points">Exits a second by reason.</param>
/// <param name="Switches">Vendor switches in that time, oldest first.</param>
/// <param name="Patches">The latest patches, oldest first.</param>
/// <param name="Exits">The latest exits, oldest first: a machine at rest makes no frames that would bring them.</param>
public sealed record MachineHistory(
    RatePoints Points, IReadOnlyList<MachineHistory.Switch> Switches, IReadOnlyList<ExitEvent> Patches, IReadOnlyList<ExitEvent> Exits)
{
    private const int MostPatches = 50;

    // What a short table has room for, and some to spare.
    private const int MostExits = 32;
    private const int Batch = 4096;

    /// <summary>Reads it. Takes milliseconds; not on a page's thread.</summary>
    public static MachineHistory Read(ManagedMachine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        VirtualMachine engine = machine.Machine;
        engine.Journal.Drain();
        Queue<ExitRecord> patches = new();
        var switches = new List<Switch>();
        int vendor = -1;
        long? oldest = null;
        ExitRecord[] batch = new ExitRecord[Batch];
        long after = 0;
        long end = engine.Journal.LastSequence;
        for (int count; after < end && (count = engine.Journal.Read(after, batch)) > 0; after = batch[count - 1].Sequence)
        {
            foreach (ref readonly ExitRecord record in batch.AsSpan(0, count))
            {
                oldest ??= record.Timestamp;
                if (vendor >= 0 && record.Vendor != vendor)
                {
                    switches.Add(MakeSwitch(record.Timestamp, record.Vendor));
                }

                vendor = record.Vendor;
                if (record.Outcome == InterceptionOutcome.Patched)
                {
                    patches.Enqueue(record);
                    if (patches.Count > MostPatches)
                    {
                        _ = patches.Dequeue();
                    }
                }
            }
        }

        int exits = engine.Journal.Read(end - MostExits, batch.AsSpan(0, MostExits));
        IReadOnlyList<RateSample> samples = engine.Rates.Read();
        return new MachineHistory(
            RatePoints.Of(samples),
            [.. Earlier(samples, oldest ?? long.MaxValue), .. switches],
            [.. patches.Select(record => ExitEvents.Describe(record))],
            [.. batch.Take(exits).Select(record => ExitEvents.Describe(record))]);
    }

    // The journal knows switches to the microsecond, but not as far back as the samples.
    private static IEnumerable<Switch> Earlier(IReadOnlyList<RateSample> samples, long before)
    {
        for (int i = 1; i < samples.Count && samples[i].Timestamp < before; i++)
        {
            if (samples[i].Vendor != samples[i - 1].Vendor)
            {
                yield return MakeSwitch(samples[i].Timestamp, samples[i].Vendor);
            }
        }
    }

    private static Switch MakeSwitch(long timestamp, int vendor) => new(MomentClock.Shared.ToUnixMs(timestamp), CpuVendor.All[vendor].Id);

    /// <summary>A vendor switch.</summary>
    /// <param name="At">When, in milliseconds since 1970 UTC.</param>
    /// <param name="Vendor">The vendor from then on.</param>
    public sealed record Switch(double At, string Vendor);
}
