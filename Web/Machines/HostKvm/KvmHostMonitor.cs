using System.Globalization;
using Hyperpatch.Engine.Accelerators.Kvm.HostStatistics;

namespace Hyperpatch.Web.Machines.HostKvm;

/// <summary>
/// KVM's counters on this host. They are read when somebody looks, and at most once a second, however many look: a reading opens some
/// thousand small files.
/// </summary>
/// <param name="folder">KVM's folder in debugfs.</param>
/// <param name="registry">Our own machines.</param>
/// <param name="clock">The time.</param>
public sealed class KvmHostMonitor(KvmDebugFolder folder, MachineRegistry registry, TimeProvider clock)
{
    private const string TotalsKey = "";
    private static readonly TimeSpan s_shortest = TimeSpan.FromSeconds(0.9);

    private readonly Lock _lock = new();
    private readonly KvmRateTable _rates = new();
    private readonly long _start = clock.GetTimestamp();
    private KvmHostView? _view;
    private TimeSpan _at;

    /// <summary>The counters, at most a second old. It may take some milliseconds: not on a page's own thread.</summary>
    public KvmHostView View()
    {
        lock (_lock)
        {
            TimeSpan now = clock.GetElapsedTime(_start);
            if (_view is null || now - _at >= s_shortest)
            {
                _view = Read(now);
                _at = now;
            }

            return _view;
        }
    }

    private KvmHostView Read(TimeSpan now)
    {
        KvmHostReading reading = folder.Read();
        Dictionary<string, IReadOnlyDictionary<string, long>> all = new() { [TotalsKey] = reading.Totals };
        List<KvmMachineView> machines = [];
        foreach (KvmCounters machine in reading.Machines)
        {
            string key = string.Create(CultureInfo.InvariantCulture, $"{machine.ProcessId}-{machine.Descriptor}");
            all[key] = machine.Counters;
            machines.Add(new KvmMachineView(key, machine.ProcessId, machine.ProcessName, machine.ProcessId == Environment.ProcessId, null, null, []));
        }

        // Without debugfs our own machines are still to be seen, by their descriptors.
        if (!machines.Any(machine => machine.IsOurs))
        {
            foreach (ManagedMachine machine in registry.All)
            {
                IReadOnlyDictionary<string, long> counters = machine.Machine.KernelCounters();
                if (counters.Count > 0)
                {
                    all[machine.Id] = counters;
                    machines.Add(new KvmMachineView(machine.Id, Environment.ProcessId, null, true, machine.Id, machine.Name, []));
                }
            }
        }

        Dictionary<string, IReadOnlyList<KvmCounterView>> rates = _rates.Take(now, all);
        return new KvmHostView(
            reading.Reason, rates[TotalsKey], [.. machines.Select(machine => machine with { Counters = rates[machine.Key] })], reading.MachinesLeftOut);
    }
}
