using System.Diagnostics;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Vendors;
using Hyperpatch.Web.Machines;

namespace Hyperpatch.Web.Components.Machines;

/// <summary>
/// What a page that has just been opened shows of the time before: the journal's last minute as points of the chart, vendor switches and
/// the latest patches. So a page that was lost and loaded again looks as if it had been open all the time.
/// </summary>
/// <param name="Points">Exits a second by reason, oldest first.</param>
/// <param name="Switches">Vendor switches in that time.</param>
/// <param name="Patches">The latest patches, oldest first.</param>
public sealed record MachineHistory(
    IReadOnlyList<MachineHistory.Point> Points, IReadOnlyList<MachineHistory.Switch> Switches, IReadOnlyList<ExitEvent> Patches)
{
    private const int Seconds = 60;
    private const int MostPatches = 50;
    private const int Batch = 4096;

    /// <summary>Reads it. Takes milliseconds; not on a page's thread.</summary>
    public static MachineHistory Read(ManagedMachine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        VirtualMachine engine = machine.Machine;
        engine.Journal.Drain();
        long now = Stopwatch.GetTimestamp();
        var buckets = new long[Seconds + 1, ExitReasons.Count];
        Queue<ExitRecord> patches = new();
        var switches = new List<Switch>();
        int vendor = -1;
        long oldest = now;
        ExitRecord[] batch = new ExitRecord[Batch];
        long after = 0;
        long end = engine.Journal.LastSequence;
        for (int count; after < end && (count = engine.Journal.Read(after, batch)) > 0; after = batch[count - 1].Sequence)
        {
            foreach (ref readonly ExitRecord record in batch.AsSpan(0, count))
            {
                oldest = Math.Min(oldest, record.Timestamp);
                long age = (now - record.Timestamp) / Stopwatch.Frequency;
                if (age is >= 0 and <= Seconds)
                {
                    buckets[age, (int)record.Reason]++;
                    if (vendor >= 0 && record.Vendor != vendor)
                    {
                        switches.Add(new Switch(ExitEvents.ToUnixMs(record.Timestamp), CpuVendor.All[record.Vendor].Id));
                    }
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

        return new MachineHistory(MakePoints(buckets, now, oldest), switches, [.. patches.Select(record => ExitEvents.Describe(record))]);
    }

    // The second in which the journal begins is not whole, and would be shown too low.
    private static List<Point> MakePoints(long[,] buckets, long now, long oldest)
    {
        List<Point> points = [];
        long whole = Math.Min(Seconds, (now - oldest) / Stopwatch.Frequency);
        for (long age = whole - 1; age >= 0; age--)
        {
            Dictionary<string, double> rates = [];
            for (int reason = 1; reason < ExitReasons.Count; reason++)
            {
                if (buckets[age, reason] > 0)
                {
                    rates[((ExitReason)reason).Name()] = buckets[age, reason];
                }
            }

            points.Add(new Point(ExitEvents.ToUnixMs(now - (age * Stopwatch.Frequency)), rates));
        }

        return points;
    }

    /// <summary>A point of the chart.</summary>
    /// <param name="At">End of the second, in milliseconds since 1970 UTC.</param>
    /// <param name="Rates">Exits a second by reason.</param>
    public sealed record Point(double At, IReadOnlyDictionary<string, double> Rates);

    /// <summary>A vendor switch.</summary>
    /// <param name="At">When, in milliseconds since 1970 UTC.</param>
    /// <param name="Vendor">The vendor from then on.</param>
    public sealed record Switch(double At, string Vendor);
}
