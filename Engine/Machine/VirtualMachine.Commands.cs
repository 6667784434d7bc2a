using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Texts;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Machine;

/// <summary>The commands of a machine.</summary>
public sealed partial class VirtualMachine
{
    private static readonly TimeSpan s_stepLimit = TimeSpan.FromMilliseconds(200);

    /// <summary>Runs the machine, from its start or from where it was paused. No effect when it runs.</summary>
    /// <exception cref="MachineStateException">The guest is over.</exception>
    public void Run() => Command(() =>
    {
        lock (_stateLock)
        {
            if (_state == MachineState.Running)
            {
                return;
            }

            RequireAlive("run");
        }

        SwitchIfDue();
        ArmStaleBreakpoints();
        lock (_stateLock)
        {
            // It may have ended meanwhile: a processor's thread was lost.
            RequireAlive("run");
            _pausedBy = null;
            _state = MachineState.Running;
        }

        Timeline.Add("running", TimelineTexts.Running);
        ResumeAll();
    });

    /// <summary>Parks all processors at an instruction boundary. No effect when it is paused or was never run.</summary>
    /// <exception cref="MachineStateException">The guest is over, or a processor does not come back within 5 seconds.</exception>
    public void Pause() => Command(() =>
    {
        lock (_stateLock)
        {
            if (_state == MachineState.Created)
            {
                return;
            }

            RequireAlive("pause");
        }

        // Also when it is paused: by a point it may be so only just now, its processors still on their way.
        ParkAll();
        if (TryChange(MachineState.Running, MachineState.Paused))
        {
            Timeline.Add("paused", TimelineTexts.Paused);
        }
    });

    /// <summary>
    /// Lets each processor (or one) execute one instruction or handle one exit, whichever comes first. A processor in HLT stays there.
    /// In a deterministic machine only the processor whose turn it is does so.
    /// </summary>
    /// <param name="processor">Index, or null for all.</param>
    /// <exception cref="MachineStateException">The machine runs, or the guest is over, or it is another processor's turn.</exception>
    /// <exception cref="MachineOptionException">There is no such processor.</exception>
    public void Step(int? processor = null) => Command(() =>
    {
        if (processor is int index && (index < 0 || index >= Processors.Length))
        {
            throw new MachineOptionException("processor", $"The machine has processors 0 to {Processors.Length - 1}, not {index}.");
        }

        lock (_stateLock)
        {
            if (_state == MachineState.Running)
            {
                throw new MachineStateException("The machine runs; pause it before stepping.");
            }

            RequireAlive("step");
            // From here a guest that ends is noticed.
            _state = MachineState.Paused;
        }

        ParkAll();
        SwitchIfDue();
        ArmStaleBreakpoints();
        lock (_stateLock)
        {
            _pausedBy = null;
        }

        if (_context.Deterministic is { } turns)
        {
            int next = turns.NextInTurn();
            if (processor is int asked && asked != next)
            {
                throw new MachineStateException($"It is processor {next}'s turn: in a deterministic machine no other one can be stepped.");
            }

            processor = next;
        }

        // All at once: each that waits in HLT takes the whole limit.
        OnEach(processor is int only ? [Processors[only]] : Processors, p => p.StepHere(s_stepLimit));
    });

    /// <summary>Puts the guest back to its start: memory as loaded, processors as at power-on. A running machine goes on running.</summary>
    public void Reset() => Command(() =>
    {
        bool wasRunning = State == MachineState.Running;
        ParkAll();
        MachineContext context = MakeContext(Vendor, _context.Epoch);
        MachineContext old = _context;
        List<IProcessor> made = [];
        try
        {
            Volatile.Write(ref _dueSwitch, null);
            Interlocked.Exchange(ref _untilSwitch, Options.SwitchVendorAfter ?? 0);
            Memory.Clear();
            MachineLoader.Load(Memory, _image);
            Sites.Clear();
            Serial.Reset();
            foreach (ProcessorStart start in _image.Processors)
            {
                IProcessor processor = context.Partition.CreateProcessor(made.Count);
                made.Add(processor);
                processor.Start(start);
            }
        }
        catch
        {
            made.ForEach(processor => processor.Dispose());
            context.Partition.Dispose();
            throw;
        }

        Exchange(context, made, restore: false);
        Journal.EndSequels();
        old.Partition.Dispose();
        lock (_stateLock)
        {
            _exit = null;
            _pausedBy = null;
            _state = wasRunning ? MachineState.Running : MachineState.Created;
        }

        Timeline.Add("reset", TimelineTexts.Reset);
        if (wasRunning)
        {
            ResumeAll();
        }
    });

    /// <summary>Changes the policy; it holds from the next wrong instruction on.</summary>
    /// <param name="policy">The policy.</param>
    public void SetPolicy(PatchPolicy policy)
    {
        if (!Enum.IsDefined(policy))
        {
            throw new MachineOptionException("policy", $"The policy is one of {PolicyNames.AllPolicies}.");
        }

        if (Interlocked.Exchange(ref _policy, (int)policy) != (int)policy)
        {
            Timeline.Add("policy", Phrase.Of(TimelineTexts.PolicyIsNow, PolicyNames.Of(policy)));
        }
    }

    /// <summary>
    /// Shows the guest another vendor. A migration in place: all processors stop, their state is saved, put into a partition of the other
    /// vendor over the same memory, and they go on. Hypercall sites are not touched: each is repaired when it is executed next.
    /// </summary>
    /// <param name="vendor">The vendor.</param>
    /// <returns>What was done; null when the guest saw that vendor already.</returns>
    /// <exception cref="MachineStateException">The guest is over.</exception>
    /// <exception cref="AcceleratorException">The host refuses; the machine is as before.</exception>
    public VendorSwitch? SwitchVendor(CpuVendor vendor)
    {
        ArgumentNullException.ThrowIfNull(vendor);
        VendorSwitch? result = null;
        Command(() =>
        {
            lock (_stateLock)
            {
                RequireAlive("switch the vendor");
            }

            if (vendor != Vendor)
            {
                result = SwitchTo(vendor);
            }
        });
        return result;
    }

    private VendorSwitch SwitchTo(CpuVendor vendor)
    {
        MachineContext old = _context;
        MachineContext context = MakeContext(vendor, old.Epoch + 1);
        List<IProcessor> made = [];
        long start;
        bool wasRunning = State == MachineState.Running;
        try
        {
            // All that can be done ahead is done ahead: the guest runs meanwhile.
            for (int i = 0; i < Processors.Length; i++)
            {
                made.Add(context.Partition.CreateProcessor(i));
            }

            start = Stopwatch.GetTimestamp();
            ParkAll();
        }
        catch
        {
            made.ForEach(processor => processor.Dispose());
            context.Partition.Dispose();
            throw;
        }

        bool hadStarted = State != MachineState.Created;
        try
        {
            Exchange(context, made, restore: true);
        }
        catch
        {
            if (wasRunning && State == MachineState.Running)
            {
                ResumeAll();
            }

            throw;
        }

        TimeSpan stopped = Stopwatch.GetElapsedTime(start);
        if (wasRunning && State == MachineState.Running)
        {
            ResumeAll();
            stopped = Stopwatch.GetElapsedTime(start);
        }

        old.Partition.Dispose();
        Timeline.Add("vendor", wasRunning ? Phrase.Of(TimelineTexts.SeesNowRunning, vendor.Identity, old.Vendor.Identity, stopped.TotalMilliseconds)
            : hadStarted ? Phrase.Of(TimelineTexts.SeesNowPaused, vendor.Identity, old.Vendor.Identity)
            : Phrase.Of(TimelineTexts.SeesNow, vendor.Identity, old.Vendor.Identity));
        return new VendorSwitch(old.Vendor.Id, vendor.Id, stopped);
    }

    // First all states are carried over, which may fail and then changes nothing; then every thread takes its new processor.
    private void Exchange(MachineContext context, List<IProcessor> made, bool restore)
    {
        if (restore)
        {
            try
            {
                OnEach(Processors, p => made[p.Index].Restore(p.Processor.Save()));
            }
            catch
            {
                // Nothing has been replaced: the machine is as before.
                made.ForEach(processor => processor.Dispose());
                context.Partition.Dispose();
                throw;
            }
        }

        if (_context.Level == InterceptionLevel.Native)
        {
            // The kernel counts by vCPU, and the vCPUs go.
            Volatile.Write(ref _kernelHypercallsBefore, _kernelHypercallsBefore + (_context.Partition.KernelHypercalls ?? 0));
        }

        try
        {
            OnEach(Processors, p => p.Replace(made[p.Index], context));
        }
        catch (Exception e) when (e is AcceleratorException or MachineStateException)
        {
            lock (_stateLock)
            {
                _state = MachineState.Failed;
                _exit = new MachineExit(Phrase.Of(TimelineTexts.CouldNotBeExchanged, e.Message), MachineExit.FailureCode);
            }

            Timeline.Add("failed", _exit.Reason);
            throw;
        }
        finally
        {
            Volatile.Write(ref _context, context);
        }
    }

    // On the processors' threads, all at once; they are parked.
    private static void OnEach(ImmutableArray<VirtualProcessor> processors, Action<VirtualProcessor> action)
    {
        Task<bool>[] tasks = [.. processors.Select(processor => processor.InvokeAsync(p =>
        {
            action(p);
            return true;
        }))];
        // All are waited for before the first failure is thrown: none may still be at work when the caller cleans up.
        Exception? failure = null;
        foreach (Task<bool> task in tasks)
        {
            try
            {
                _ = Await(task);
            }
            catch (Exception e) when (e is AcceleratorException or MachineStateException)
            {
                failure ??= e;
            }
        }

        if (failure is not null)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    private void ParkAll()
    {
        foreach (VirtualProcessor processor in Processors)
        {
            processor.RequestPause();
        }

        long start = Stopwatch.GetTimestamp();
        foreach (VirtualProcessor processor in Processors)
        {
            TimeSpan left = s_limit - Stopwatch.GetElapsedTime(start);
            if (!processor.WaitParked(left > TimeSpan.Zero ? left : TimeSpan.Zero))
            {
                string reason = $"it did not come back from the guest within {s_limit.TotalSeconds:0} s";
                Fail(processor.Index, reason);
                throw new MachineStateException($"Processor {processor.Index}: {reason}. The machine has failed; delete it.");
            }
        }
    }

    private void ResumeAll()
    {
        foreach (VirtualProcessor processor in Processors)
        {
            processor.Resume();
        }

        // A guest that ended while the later ones were being released asked for a stop that the release took back.
        if (State != MachineState.Running)
        {
            foreach (VirtualProcessor processor in Processors)
            {
                processor.RequestPause();
            }
        }
    }

    private bool TryChange(MachineState from, MachineState to)
    {
        lock (_stateLock)
        {
            if (_state != from)
            {
                return false;
            }

            _state = to;
            return true;
        }
    }

    private void RequireAlive(string command)
    {
        if (_state is MachineState.Stopped or MachineState.Failed)
        {
            throw new MachineStateException(
                $"Cannot {command}: the machine has {(_state == MachineState.Failed ? "failed" : "stopped")} ({_exit?.Reason}). Reset it first.");
        }
    }

    private static T Await<T>(Task<T> task)
    {
        if (!((IAsyncResult)task).AsyncWaitHandle.WaitOne(s_limit))
        {
            throw new MachineStateException($"A processor did not answer within {s_limit.TotalSeconds:0} s.");
        }

        return task.GetAwaiter().GetResult();
    }

    private void Command(Action action, bool isPatient = false)
    {
        while (!_gate.Wait(s_limit))
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (isPatient)
            {
                continue;
            }

            throw new MachineStateException("Another command is still at work on this machine; try again.");
        }

        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            action();
        }
        finally
        {
            _ = _gate.Release();
        }
    }
}
