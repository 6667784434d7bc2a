using System.Collections.Immutable;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine.PausePoints;
using Hyperpatch.Engine.Texts;

namespace Hyperpatch.Engine.Machine;

/// <summary>Pause points: set by commands, met on the processors' threads.</summary>
public sealed partial class VirtualMachine
{
    /// <summary>Pause points that a machine may have at once.</summary>
    public const int MostPausePoints = 64;

    // Null without points: one field to look at for each exit.
    private PausePoint[]? _points;
    private PauseCause? _pausedBy;
    private bool _breakpointsStale;
    private int _lastPoint;

    /// <summary>The pause points, oldest first.</summary>
    public ImmutableArray<PausePoint> PausePoints => [.. Volatile.Read(ref _points) ?? []];

    /// <summary>Why it paused by itself, until it goes on; null otherwise.</summary>
    public PauseCause? PausedBy
    {
        get
        {
            PauseCause? cause;
            lock (_stateLock)
            {
                cause = _pausedBy;
            }

            if (cause is null or { Sequence: not null } || Journal.Find(cause.Processor, cause.Timestamp) is not long sequence)
            {
                return cause;
            }

            PauseCause known = cause with { Sequence = sequence };
            lock (_stateLock)
            {
                _pausedBy = ReferenceEquals(_pausedBy, cause) ? known : _pausedBy;
            }

            return known;
        }
    }

    internal PausePoint[]? ActivePoints => Volatile.Read(ref _points);

    /// <summary>Adds a pause point. A running machine goes on running; where a breakpoint is set it stands still for a moment.</summary>
    /// <param name="options">The point.</param>
    /// <exception cref="MachineOptionException">It cannot be used; the field is named.</exception>
    /// <exception cref="MachineStateException">There are <see cref="MostPausePoints"/> already.</exception>
    public PausePoint AddPausePoint(PausePointOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        PausePoint? added = null;
        Command(() =>
        {
            PausePointChecks.Check(options, Processors.Length);
            ImmutableArray<PausePoint> before = PausePoints;
            if (before.Length >= MostPausePoints)
            {
                throw new MachineStateException($"The machine has {MostPausePoints} pause points already; remove one first.");
            }

            added = new PausePoint(_lastPoint + 1, options);
            ExchangePoints([.. before, added]);
        });
        return added!;
    }

    /// <summary>Takes these points in the place of all before: all of them or, where one cannot be used, none.</summary>
    /// <param name="options">The points, at most <see cref="MostPausePoints"/>.</param>
    /// <exception cref="MachineOptionException">One cannot be used; the field is named with the point's place, such as <c>points[2].address</c>.</exception>
    public ImmutableArray<PausePoint> SetPausePoints(IReadOnlyList<PausePointOptions> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ImmutableArray<PausePoint> points = [];
        Command(() =>
        {
            if (options.Count > MostPausePoints)
            {
                throw new MachineOptionException("points", $"A machine has at most {MostPausePoints} pause points, not {options.Count}.");
            }

            for (int i = 0; i < options.Count; i++)
            {
                try
                {
                    PausePointChecks.Check(options[i], Processors.Length);
                }
                catch (MachineOptionException e)
                {
                    throw new MachineOptionException($"points[{i}].{e.Field}", e.Message);
                }
            }

            points = [.. options.Select((one, index) => new PausePoint(_lastPoint + index + 1, one))];
            try
            {
                ExchangePoints(points);
            }
            catch (MachineOptionException e)
            {
                throw new MachineOptionException("points", e.Message);
            }
        });
        return points;
    }

    /// <summary>Removes a pause point.</summary>
    /// <param name="id">Its number.</param>
    /// <returns>False when there is none (any more).</returns>
    public bool RemovePausePoint(int id)
    {
        bool found = false;
        Command(() =>
        {
            ImmutableArray<PausePoint> before = PausePoints;
            found = before.Any(point => point.Id == id);
            if (found)
            {
                ExchangePoints([.. before.Where(point => point.Id != id)]);
            }
        });
        return found;
    }

    /// <summary>A processor has handled an exit, and there are points. On its thread.</summary>
    internal void Meet(PausePoint[] points, in ExitRecord record, bool wasCall)
    {
        foreach (PausePoint point in points)
        {
            if (point.IsMetBy(record, wasCall) && point.TryHit())
            {
                PauseBy(point, record);
            }
        }
    }

    // As if somebody had pressed Pause at this very exit. Nothing is waited for here: the thread itself is one of those that park.
    private void PauseBy(PausePoint point, in ExitRecord record)
    {
        if (point.Options.Once)
        {
            Spend(point);
        }

        lock (_stateLock)
        {
            if (_state is not (MachineState.Running or MachineState.Paused))
            {
                return;
            }

            // Of several at once the first is the cause; the timeline has them all.
            _pausedBy ??= new PauseCause(point, record.Processor, record.Rip, record.Reason, record.Timestamp, null);
            if (_state == MachineState.Running)
            {
                _state = MachineState.Paused;
                // Under the lock: a command that lets the machine go on comes wholly before or wholly after.
                foreach (VirtualProcessor processor in Processors)
                {
                    processor.RequestPause();
                }
            }
        }

        Timeline.Add("paused", Phrase.Of(TimelineTexts.PausedByPoint, point.Id, point.Text, record.Processor, Frames.ExitEvents.Hex(record.Rip)));
    }

    private void Spend(PausePoint point)
    {
        for (; ; )
        {
            PausePoint[]? before = Volatile.Read(ref _points);
            if (before is null || Array.IndexOf(before, point) < 0)
            {
                return;
            }

            PausePoint[]? after = before.Length == 1 ? null : [.. before.Where(other => other != point)];
            if (Interlocked.CompareExchange(ref _points, after, before) == before)
            {
                Volatile.Write(ref _breakpointsStale, true);
                return;
            }
        }
    }

    // Commands only.
    private void ExchangePoints(IReadOnlyList<PausePoint> points)
    {
        PausePointChecks.CheckRoom(points, Processors, AcceleratorName);
        PausePoint[]? before = Interlocked.Exchange(ref _points, points.Count == 0 ? null : [.. points]);
        _lastPoint = points.Select(point => point.Id).Append(_lastPoint).Max();
        // One for once that was met since the command looked may have gone already, and must not come back.
        foreach (PausePoint point in points.Where(point => point.IsSpent))
        {
            Spend(point);
        }

        bool hadBreakpoints = before?.Any(point => point.Options.Kind == PausePointKind.Address) ?? false;
        if (!hadBreakpoints && !points.Any(point => point.Options.Kind == PausePointKind.Address))
        {
            return;
        }

        ParkAll();
        try
        {
            ArmBreakpoints();
            // The processor that reached the count must not go on before it.
            SwitchIfDue();
        }
        finally
        {
            if (State == MachineState.Running)
            {
                ResumeAll();
            }
        }
    }

    // The processors are parked.
    private void ArmBreakpoints()
    {
        Volatile.Write(ref _breakpointsStale, false);
        OnEach(Processors, static processor => processor.ArmBreakpoints());
    }

    private void ArmStaleBreakpoints()
    {
        if (Volatile.Read(ref _breakpointsStale))
        {
            ParkAll();
            ArmBreakpoints();
        }
    }
}
