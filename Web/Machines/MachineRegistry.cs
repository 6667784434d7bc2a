using System.Collections.Concurrent;
using System.Globalization;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Web.Configuration;

namespace Hyperpatch.Web.Machines;

/// <summary>All machines of this host. Ends them with the process, all at once and within seconds.</summary>
public sealed class MachineRegistry : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, ManagedMachine> _machines = new();
    private readonly Lock _lock = new();
    private readonly EngineOptions _options;
    private long _lastId;
    private int _reserved;
    private Task? _ending;

    /// <summary>Makes an empty registry.</summary>
    public MachineRegistry(EngineOptions options, IHostApplicationLifetime lifetime)
    {
        ArgumentNullException.ThrowIfNull(lifetime);
        _options = options;

        // Guests end while the web server still says good-bye to its clients, not after it.
        lifetime.ApplicationStopping.Register(() => _ = EndAllAsync());
    }

    /// <summary>A machine was added or removed. Handlers return at once.</summary>
    public event Action? Changed;

    /// <summary>All machines, the oldest first.</summary>
    public IReadOnlyList<ManagedMachine> All => [.. _machines.Values.OrderBy(machine => machine.Machine.CreatedAt)];

    /// <summary>A machine, or null.</summary>
    public ManagedMachine? Find(string id) => _machines.GetValueOrDefault(id);

    /// <summary>Makes and adds a machine, or gives null where there are as many as may be.</summary>
    /// <param name="make">Makes it, with the id given.</param>
    public ManagedMachine? Add(Func<string, VirtualMachine> make)
    {
        ArgumentNullException.ThrowIfNull(make);
        lock (_lock)
        {
            if (_reserved >= _options.MaximumMachines || _ending is not null)
            {
                return null;
            }

            _reserved++;
        }

        VirtualMachine? made = null;
        try
        {
            made = make("m" + Interlocked.Increment(ref _lastId).ToString(CultureInfo.InvariantCulture));
        }
        finally
        {
            if (made is null)
            {
                Release();
            }
        }

        var machine = new ManagedMachine(made);
        lock (_lock)
        {
            if (_ending is null)
            {
                _machines[machine.Id] = machine;
            }
        }

        if (!_machines.ContainsKey(machine.Id))
        {
            machine.Dispose();
            return null;
        }

        Changed?.Invoke();
        return machine;
    }

    /// <summary>Removes a machine and ends it. False where somebody else has done so.</summary>
    public bool Remove(ManagedMachine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        if (!_machines.TryRemove(machine.Id, out _))
        {
            return false;
        }

        Release();
        try
        {
            Changed?.Invoke();
        }
        finally
        {
            // Nobody else can reach it any more: it ends here, whatever a listener does.
            machine.Dispose();
        }

        return true;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await EndAllAsync();

    private void Release()
    {
        lock (_lock)
        {
            _reserved--;
        }
    }

    private Task EndAllAsync()
    {
        lock (_lock)
        {
            return _ending ??= Task.WhenAll(_machines.Values.Select(machine => Task.Factory.StartNew(
                machine.Dispose, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        }
    }
}
