using System.Collections.Immutable;
using System.Diagnostics;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Texts;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Machine;

/// <summary>
/// The pump: one thread a machine that drains the journal, makes frames and hands them to the observers at a fixed rate. It also sees
/// when all processors have halted for good, which on KVM ends no processor's run by itself.
/// </summary>
public sealed partial class VirtualMachine
{
    private readonly ManualResetEventSlim _pumpEnd = new(false);
    private ImmutableArray<Action<MachineFrame>> _observers = [];
    private long[] _pumpExits = [];
    private Thread? _pump;
    private int _haltedTicks;
    private volatile MachineFrame? _latest;

    /// <summary>Exits a second by reason, over the last hour.</summary>
    public RateHistory Rates { get; } = new();

    /// <summary>Handling times by reason, over the last hour.</summary>
    public LatencyHistory Latency { get; } = new();

    /// <summary>The latest frame, or null before the first.</summary>
    public MachineFrame? LatestFrame => _latest;

    /// <summary>
    /// Subscribes to frames. The observer is called on the pump's thread and must come back at once (put the frame into a bounded queue);
    /// one that throws is dropped.
    /// </summary>
    /// <param name="observer">Receives each frame.</param>
    /// <returns>Ends the subscription when disposed.</returns>
    public IDisposable Subscribe(Action<MachineFrame> observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        ImmutableInterlocked.Update(ref _observers, static (list, one) => list.Add(one), observer);
        return new Subscription(() =>
            ImmutableInterlocked.Update(ref _observers, static (list, one) => list.Remove(one), observer));
    }

    private void StartPump()
    {
        _pumpExits = new long[Processors.Length];
        _pump = new Thread(PumpMain) { Name = $"{Id}/pump", IsBackground = true };
        _pump.Start();
    }

    private void StopPump()
    {
        _pumpEnd.Set();
        _ = _pump?.Join(TimeSpan.FromSeconds(1));
    }

    private void PumpMain()
    {
        FrameBuilder builder = new(this);
        TimeSpan interval = TimeSpan.FromSeconds(1.0 / Options.FramesPerSecond);
        bool ended;
        do
        {
            // The last turn, after the end was asked for, tells observers how it ended.
            ended = _pumpEnd.Wait(interval);
            if (!ended)
            {
                WatchProcessors();
            }

            MachineFrame frame = builder.Build();
            long now = Stopwatch.GetTimestamp();
            Rates.Take(now, Journal, CpuVendor.All.IndexOf(Vendor));
            Latency.Take(now, Journal);
            _latest = frame;
            foreach (Action<MachineFrame> observer in _observers)
            {
                try
                {
                    observer(frame);
                }
#pragma warning disable CA1031 // An observer's fault is its own.
                catch (Exception)
#pragma warning restore CA1031
                {
                    ImmutableInterlocked.Update(ref _observers, static (list, one) => list.Remove(one), observer);
                }
            }
        }
        while (!ended);
    }

    private void WatchProcessors()
    {
        if (State != MachineState.Running)
        {
            _haltedTicks = 0;
            foreach (VirtualProcessor processor in Processors)
            {
                processor.KickIfLate();
            }

            return;
        }

        CountKernelCalls();
        bool quiet = true;
        bool allHalted = true;
        foreach (VirtualProcessor processor in Processors)
        {
            long exits = processor.Journal.Count;
            bool moved = exits != _pumpExits[processor.Index];
            _pumpExits[processor.Index] = exits;
            quiet &= !moved;
            allHalted &= processor.IsHaltedForGood;
            // One that exits by itself looks at the request on its way; another has to be called back.
            processor.RequestObservation(kick: !moved);
        }

        // Three looks in a row without any exit: no processor is left that could wake another.
        _haltedTicks = quiet && allHalted ? _haltedTicks + 1 : 0;
        if (_haltedTicks >= 3)
        {
            Finish(MachineState.Stopped, new MachineExit(TimelineTexts.AllHalted, 0));
        }
    }

    private sealed class Subscription(Action end) : IDisposable
    {
        private Action? _end = end;

        public void Dispose() => Interlocked.Exchange(ref _end, null)?.Invoke();
    }
}
