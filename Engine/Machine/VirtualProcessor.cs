using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Hypercalls;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine.PausePoints;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Machine;

/// <summary>
/// One virtual processor, run by a <see cref="ProcessorThread"/>. The machine asks (pause, work, exit) by flags and a kick; the thread answers at the next
/// instruction boundary. Work items run on the thread while it is parked, with the registers whole.
/// </summary>
#pragma warning disable CA1001 // Its waitables hold no kernel handle (nobody asks for one), and the thread may outlive a disposal.
public sealed class VirtualProcessor : IHypercallHost
#pragma warning restore CA1001
{
    [Flags]
    private enum Requests
    {
        None = 0,
        Pause = 1,
        Exit = 2,
        Observe = 4,
    }

    private static readonly double s_nanosecondsPerTick = 1e9 / Stopwatch.Frequency;
    private static readonly TimeSpan s_kickAgain = TimeSpan.FromMilliseconds(250);

    // When the clock of a deterministic machine starts: any fixed moment would do.
    private static readonly TimeSpan s_deterministicStart = new DateTime(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc) - DateTime.UnixEpoch;
    private readonly VirtualMachine _machine;
    private readonly HypercallInterceptor _interceptor;
    private readonly ManualResetEventSlim _parked = new(false);
    private readonly ConcurrentQueue<Action<Exception?>> _work = new();
    private readonly Lock _lookLock = new();
    private ProcessorThread? _thread;
    private IProcessor _processor;
    private MachineContext _context;
    private VmExit _exit;
    private int _requests = (int)Requests.Pause;
    private int _state = (int)ProcessorRunState.Created;
    private int _activity = (int)ProcessorActivity.Runnable;
    private long _activityExits = -1;
    private ulong _rip;
    private GuestRegisters _lookRegisters;
    private SystemRegisters _lookSystem;
    private long _lookAt;
    private long _instructionsBefore;
    private bool _wasReleased;
    private int _lookCodeBits;
    private int _lookCpl;
    private bool _wasCall;
    private bool _isParking;
    private bool _isShown;

    internal VirtualProcessor(VirtualMachine machine, int index, IProcessor processor, MachineContext context, ProcessorJournal journal)
    {
        _machine = machine;
        _processor = processor;
        _context = context;
        Index = index;
        Journal = journal;
        _interceptor = new HypercallInterceptor(machine.Memory, machine.Sites, this);
    }

    /// <summary>Index and APIC id.</summary>
    public int Index { get; }

    /// <summary>Counters and records.</summary>
    public ProcessorJournal Journal { get; }

    /// <summary>State.</summary>
    public ProcessorRunState State
    {
        get
        {
            ProcessorRunState state = (ProcessorRunState)Volatile.Read(ref _state);
            return state == ProcessorRunState.Running && IsHalted ? ProcessorRunState.Halted : state;
        }
    }

    /// <summary>RIP at the latest exit or look.</summary>
    public ulong Rip => Volatile.Read(ref _rip);

    /// <summary>Registers as last looked at (several times a second while it runs), or null before the first time.</summary>
    public ProcessorSnapshot? Snapshot
    {
        get
        {
            lock (_lookLock)
            {
                return _lookAt == 0 ? null : new ProcessorSnapshot
                {
                    At = new DateTimeOffset(_lookAt, TimeSpan.Zero),
                    Registers = _lookRegisters,
                    System = _lookSystem,
                    CodeBits = _lookCodeBits,
                    Cpl = _lookCpl,
                };
            }
        }
    }

    /// <summary>Instructions executed since it was made, over vendor switches and resets; null where the accelerator does not count them.</summary>
    public long? Instructions
    {
        get
        {
            lock (_lookLock)
            {
                return _processor is IInstructionCount counter ? _instructionsBefore + counter.Instructions : null;
            }
        }
    }

    /// <inheritdoc/>
    GuestMemory IHypercallHost.Memory => _machine.Memory;

    /// <inheritdoc/>
    int IHypercallHost.ProcessorCount => _machine.Processors.Length;

    /// <inheritdoc/>
    bool IHypercallHost.OffersMapGpaRange => _machine.Options.OffersMapGpaRange;

    /// <summary>The record of the exit at hand. On its thread.</summary>
    internal ref ExitRecord Record => ref Journal.Next;

    internal IProcessor Processor => _processor;

    internal MachineContext Context => _context;

    /// <summary>Whether the last look, since which it had no exit, found it in HLT with interrupts off, or waiting for INIT or SIPI.</summary>
    internal bool IsHaltedForGood =>
        Volatile.Read(ref _activity) is (int)ProcessorActivity.HaltedForGood or (int)ProcessorActivity.WaitingForStartup && Volatile.Read(ref _activityExits) == Journal.Count;

    private ProcessorThread Runner => _thread ?? throw new InvalidOperationException("The processor has no thread yet.");

    // Let go, and its thread does not know it yet.
    private bool IsLate => Volatile.Read(ref _wasReleased) && Volatile.Read(ref _state) == (int)ProcessorRunState.Created;

    private bool IsHalted =>
        Volatile.Read(ref _activity) != (int)ProcessorActivity.Runnable && Volatile.Read(ref _activityExits) == Journal.Count;

    /// <inheritdoc/>
    void IHypercallHost.WakeFromHalt(uint apicId) => _context.Partition.WakeFromHalt(apicId);

    /// <inheritdoc/>
    bool IHypercallHost.DeliverInterrupt(uint apicId, byte vector, int deliveryMode) =>
        _context.Partition.DeliverInterrupt(apicId, vector, deliveryMode);

    /// <inheritdoc/>
    ulong IHypercallHost.ReadTimestampCounter() => _processor.ReadTimestampCounter();

    /// <inheritdoc/>
    TimeSpan IHypercallHost.ReadWallClock() => _context.Deterministic is { } machine
        ? s_deterministicStart + TimeSpan.FromTicks((long)(machine.Time / TimeSpan.NanosecondsPerTick))
        : DateTime.UtcNow - DateTime.UnixEpoch;

    /// <inheritdoc/>
    void IHypercallHost.Yield()
    {
        if (_context.Deterministic is { } machine)
        {
            machine.GiveUpTurn();
        }
        else
        {
            _ = Thread.Yield();
        }
    }

    /// <summary>Asks for a stop at the next boundary; does not wait.</summary>
    internal void RequestPause()
    {
        // In this order: a thread on its way out of an earlier pause may still say that it is parked, but not after it has seen this.
        Interlocked.Or(ref _requests, (int)Requests.Pause);
        _parked.Reset();
        Runner.Ask();
        _processor.Kick();
        // Where it is parked already, it says so again.
        Runner.Wake();
    }

    /// <summary>Waits until it is parked; kicks again from time to time, for a host that loses one must not cost the machine.</summary>
    internal bool WaitParked(TimeSpan limit)
    {
        long start = Stopwatch.GetTimestamp();
        for (;;)
        {
            if (Volatile.Read(ref _state) == (int)ProcessorRunState.Stopped)
            {
                return true;
            }

            TimeSpan left = limit - Stopwatch.GetElapsedTime(start);
            if (left <= TimeSpan.Zero)
            {
                return _parked.IsSet;
            }

            if (!_parked.Wait(left < s_kickAgain ? left : s_kickAgain))
            {
                _processor.Kick();
            }
            else if (!IsLate)
            {
                return true;
            }
            else
            {
                _ = Thread.Yield();
            }
        }
    }

    /// <summary>Kicks once more if it was asked to park and has not yet.</summary>
    internal void KickIfLate()
    {
        if ((Volatile.Read(ref _requests) & (int)Requests.Pause) != 0 && !_parked.IsSet)
        {
            _processor.Kick();
        }
    }

    /// <summary>Lets it run on.</summary>
    internal void Resume()
    {
        // Before the request is taken back: a thread that wakes up only when the guest is over has been let go all the same.
        Volatile.Write(ref _wasReleased, true);
        _parked.Reset();
        Interlocked.And(ref _requests, ~(int)Requests.Pause);
        Runner.Ask();
        if (Runner.IsShared)
        {
            // The one that executes there meanwhile may do so for long.
            _processor.Kick();
        }

        Runner.Wake();
    }

    /// <summary>Asks for a fresh look at activity and registers.</summary>
    internal void RequestObservation(bool kick)
    {
        Interlocked.Or(ref _requests, (int)Requests.Observe);
        Runner.Ask();
        if (kick)
        {
            _processor.Kick();
        }
    }

    /// <summary>Runs something on the thread while it is parked.</summary>
    internal Task<T> InvokeAsync<T>(Func<VirtualProcessor, T> action)
    {
        TaskCompletionSource<T> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Enqueue(refusal =>
        {
            if (refusal is not null)
            {
                done.SetException(refusal);
                return;
            }

            try
            {
                done.SetResult(action(this));
            }
#pragma warning disable CA1031 // Whatever it was belongs to the caller, not to this thread.
            catch (Exception e)
#pragma warning restore CA1031
            {
                done.SetException(e);
            }
        });
        Runner.Ask();
        Runner.Wake();
        if (State == ProcessorRunState.Stopped)
        {
            FailWork();
        }

        return done.Task;
    }

    /// <summary>Asks the thread to end.</summary>
    internal void RequestExit()
    {
        Interlocked.Or(ref _requests, (int)(Requests.Exit | Requests.Pause));
        Runner.Ask();
        _processor.Kick();
        Runner.Wake();
    }

    /// <summary>Waits for the thread's end.</summary>
    internal bool Join(TimeSpan limit) => Runner.Join(limit);

    /// <summary>Takes a processor of another partition in the place of this one. On the thread, parked.</summary>
    internal void Replace(IProcessor processor, MachineContext context)
    {
        IProcessor old = _processor;
        processor.BindToCurrentThread();
        _context = context;
        lock (_lookLock)
        {
            _instructionsBefore += (old as IInstructionCount)?.Instructions ?? 0;
            Volatile.Write(ref _processor, processor);
        }

        old.Dispose();
        ArmBreakpoints();
        Look();
    }

    /// <summary>Executes one instruction, or handles one exit, whichever comes first. On the thread, parked.</summary>
    internal void StepHere(TimeSpan limit)
    {
        if (_processor is not ISingleStep step)
        {
            throw new MachineStateException("This accelerator cannot single-step.");
        }

        step.IsStepping = true;
        Volatile.Write(ref _wasReleased, true);
        Volatile.Write(ref _state, (int)ProcessorRunState.Paused);
        try
        {
            IProcessor processor = _processor;
            StrongBox<bool> isOver = new();
            using Timer timer = new(
                _ =>
                {
                    Volatile.Write(ref isOver.Value, true);
                    processor.Kick();
                },
                null,
                limit,
                Timeout.InfiniteTimeSpan);
            do
            {
                // In this order: whoever ends the step after the look kicks again. A kick of the pause before may still be on its way; it is
                // not what ends a step.
                _processor.ClearKick();
                if (Volatile.Read(ref isOver.Value) || (Volatile.Read(ref _requests) & (int)Requests.Exit) != 0)
                {
                    break;
                }

                RunOnce();
            }
            while (_exit.Reason == ExitReason.Interrupted);
        }
        finally
        {
            step.IsStepping = false;
        }

        FinishPending();
        Look();
    }

    /// <summary>Takes a fresh look at registers and activity. On the thread.</summary>
    internal void Look()
    {
        Volatile.Write(ref _rip, _processor.Registers.Rip);
        Volatile.Write(ref _activity, (int)_processor.GetActivity());
        Volatile.Write(ref _activityExits, Journal.Count);
        // Into fields, under a lock that is taken a few times a second: no garbage on this thread.
        lock (_lookLock)
        {
            _processor.GetSystemRegisters(out _lookSystem);
            _lookRegisters = _processor.Registers;
            _lookCodeBits = _processor.CodeBits;
            _lookCpl = _processor.Cpl;
            _lookAt = DateTimeOffset.UtcNow.Ticks;
        }
    }

    /// <summary>Whether something is asked of it, of which a pause lasts until it is let go. On its thread.</summary>
    internal bool IsAsked => Volatile.Read(ref _requests) != 0;

    /// <summary>Whether it may run, as of the latest <see cref="Attend"/>. On its thread.</summary>
    internal bool IsReady { get; private set; }

    /// <summary>Index of the processor whose turn it is. On the thread of a deterministic machine's processors.</summary>
    internal int InTurn => _context.Deterministic?.InTurn ?? Index;

    /// <summary>Takes the thread that is to run it. Before it starts.</summary>
    internal void Attach(ProcessorThread thread) => _thread = thread;

    /// <summary>Binds the processor to the calling thread, which is the one that runs it.</summary>
    internal void Bind() => _processor.BindToCurrentThread();

    /// <summary>Forgets kicks up to now. On its thread, before looking at what is asked.</summary>
    internal void ClearKick() => _processor.ClearKick();

    /// <summary>
    /// Does what is asked of it, and says whether it may run then (<see cref="IsReady"/>). One that is parked is to be attended again when its
    /// thread has been woken. On its thread.
    /// </summary>
    /// <returns>False when it is to end.</returns>
    internal bool Attend()
    {
        if ((Interlocked.And(ref _requests, ~(int)Requests.Observe) & (int)Requests.Observe) != 0)
        {
            Look();
        }

        if (_isParking)
        {
            // Also where it has been let go since: whoever left it here waits for it.
            DoWork();
        }

        if ((Volatile.Read(ref _requests) & (int)Requests.Pause) != 0)
        {
            return Park();
        }

        if (_isParking)
        {
            _isParking = false;
            Volatile.Write(ref _activity, (int)ProcessorActivity.Runnable);
        }

        Volatile.Write(ref _state, (int)ProcessorRunState.Running);
        IsReady = true;
        // Whoever let it go did not know that it is to end.
        return (Volatile.Read(ref _requests) & (int)Requests.Exit) == 0;
    }

    /// <summary>Runs the guest to its next exit, and handles that. On its thread.</summary>
    internal void RunOnce()
    {
        _processor.Run(ref _exit);
        if (_exit.Reason != ExitReason.Interrupted)
        {
            Handle();
        }
    }

    /// <summary>A host error has ended its thread.</summary>
    internal void Fail(Exception error) => _machine.Fail(Index, error.Message);

    /// <summary>Its thread ends.</summary>
    internal void End()
    {
        _processor.Dispose();
        Volatile.Write(ref _state, (int)ProcessorRunState.Stopped);
        _parked.Set();
        FailWork();
    }

    // Returns false when it is to end.
    private bool Park()
    {
        IsReady = false;
        if (!_isParking)
        {
            _isParking = true;
            _isShown = false;
            FinishPending();
        }

        if ((Volatile.Read(ref _requests) & (int)Requests.Exit) != 0)
        {
            return false;
        }

        // Each time: it may have been let go and stopped again before it could wake up.
        if (!_isShown && Volatile.Read(ref _wasReleased))
        {
            _isShown = true;
            Volatile.Write(ref _state, (int)ProcessorRunState.Paused);
            Look();
        }

        _parked.Set();
        DoWork();
        return true;
    }

    private void DoWork()
    {
        while (_work.TryDequeue(out Action<Exception?>? work))
        {
            work(null);
        }
    }

    private void FinishPending()
    {
        // Each turn is one more exit of the same instruction (INS with REP): as many as the guest asks for, but not for ever.
        const int Most = 1 << 16;
        for (int i = 0; i < Most && _processor.CompletePending(ref _exit); i++)
        {
            Handle();
        }
    }

    private void Handle()
    {
        long start = Stopwatch.GetTimestamp();
        ulong rip = _processor.Registers.Rip;
        // Made in its place: a record is long, and this is on the way of every exit.
        ref ExitRecord record = ref Journal.Next;
        record = default;
        record.Timestamp = start;
        record.Reason = _exit.Reason;
        record.Rip = rip;
        record.Processor = (ushort)Index;
        record.Vendor = _context.VendorIndex;
        record.Epoch = _context.Epoch;
        record.Cpl = (byte)_processor.Cpl;
        if (_context.Deterministic is { } machine)
        {
            record.MachineTime = machine.Time;
        }

        _wasCall = false;
        Volatile.Write(ref _rip, rip);
        ExitHandlers.Handle(_machine, this, ref _exit);
        double nanoseconds = (Stopwatch.GetTimestamp() - start) * s_nanosecondsPerTick;
        record.DurationNanoseconds = (uint)Math.Min(nanoseconds, uint.MaxValue);
        Journal.Publish(_wasCall);
        // Until the next exit nobody writes there.
        if (_machine.ActivePoints is { } points)
        {
            _machine.Meet(points, record, _wasCall);
        }

        if (_wasCall && _machine.CountsCalls)
        {
            _machine.CountCall(this);
        }
    }

    /// <summary>Takes up the machine's breakpoints. On the thread, parked.</summary>
    internal void ArmBreakpoints() =>
        (_processor as IBreakpoints)?.SetBreakpoints(PausePointChecks.AddressesOf(_machine.ActivePoints ?? [], Index));

    /// <summary>Handles #UD or a hypercall.</summary>
    internal void Intercept() =>
        _wasCall = _interceptor.Handle(_processor, _context, _machine.Policy, Journal.Count, ref Record);

    /// <summary>Handles a hypercall that the back end has fetched itself.</summary>
    internal void Serve(in VmExit exit)
    {
        _interceptor.Serve(_processor, _context, exit, _machine.Policy, ref Record);
        _wasCall = true;
    }

    private void FailWork()
    {
        while (_work.TryDequeue(out Action<Exception?>? work))
        {
            work(new MachineStateException($"Processor {Index} has ended; delete the machine."));
        }
    }
}
