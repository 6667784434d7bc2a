using System.Collections.Immutable;

namespace Hyperpatch.Engine.Machine;

/// <summary>
/// The thread that runs processors: each has one of its own; in a deterministic machine one runs all of them, in turn. Whatever is asked of a processor
/// is answered here between two of its instructions; while none may run, the thread sleeps.
/// </summary>
#pragma warning disable CA1001 // The semaphore holds no kernel handle (nobody asks for one), and the thread may outlive a disposal.
internal sealed class ProcessorThread
#pragma warning restore CA1001
{
    private readonly SemaphoreSlim _wake = new(0);
    private readonly Thread _thread;
    private readonly ImmutableArray<VirtualProcessor> _processors;

    // Behind a request of one of several processors: all are looked at. One alone has its requests themselves to look at.
    private int _isAsked = 1;

    /// <summary>Makes a thread, not started yet.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="processors">The processors that it runs; several only where they run in turn.</param>
    public ProcessorThread(string name, ImmutableArray<VirtualProcessor> processors)
    {
        _processors = processors;
        _thread = new Thread(processors.Length == 1 ? RunAlone : RunInTurn) { Name = name, IsBackground = true };
        foreach (VirtualProcessor processor in processors)
        {
            processor.Attach(this);
        }
    }

    /// <summary>Whether a request of a processor that does not execute now has to stop the one that does.</summary>
    public bool IsShared => _processors.Length > 1;

    /// <summary>Starts it.</summary>
    public void Start() => _thread.Start();

    /// <summary>Something has been asked of one of its processors. Any thread; the kick comes behind it.</summary>
    public void Ask() => Volatile.Write(ref _isAsked, 1);

    /// <summary>Ends its sleep, or the next. Any thread, behind whatever it is to find.</summary>
    public void Wake() => _ = _wake.Release();

    /// <summary>Waits for its end.</summary>
    public bool Join(TimeSpan limit) => (_thread.ThreadState & ThreadState.Unstarted) != 0 || _thread.Join(limit);

    private void RunAlone()
    {
        VirtualProcessor processor = _processors[0];
        try
        {
            processor.Bind();
            // The first turn attends whatever was asked: the machine may have been released before this thread came to run.
            for (bool isNew = true; ; isNew = false)
            {
                // In this order: a request made after the clearing kicks again.
                processor.ClearKick();
                if ((isNew || processor.IsAsked) && !AttendUntilReady(processor))
                {
                    return;
                }

                processor.RunOnce();
            }
        }
#pragma warning disable CA1031 // A host error ends this machine, never the process.
        catch (Exception e)
#pragma warning restore CA1031
        {
            processor.Fail(e);
        }
        finally
        {
            processor.End();
        }
    }

    // Returns false when it is to end.
    private bool AttendUntilReady(VirtualProcessor processor)
    {
        for (;;)
        {
            if (!processor.Attend())
            {
                return false;
            }

            if (processor.IsReady)
            {
                return true;
            }

            _wake.Wait();
            processor.ClearKick();
        }
    }

    private void RunInTurn()
    {
        VirtualProcessor current = _processors[0];
        try
        {
            foreach (VirtualProcessor processor in _processors)
            {
                current = processor;
                processor.Bind();
            }

            for (;;)
            {
                // In this order: a request made after the clearing kicks again.
                foreach (VirtualProcessor processor in _processors)
                {
                    processor.ClearKick();
                }

                if (Interlocked.Exchange(ref _isAsked, 0) != 0 && !AttendAll(ref current))
                {
                    return;
                }

                current = _processors[_processors[0].InTurn];
                if (current.IsReady)
                {
                    current.RunOnce();
                }
                else
                {
                    _wake.Wait();
                }
            }
        }
#pragma warning disable CA1031 // A host error ends this machine, never the process.
        catch (Exception e)
#pragma warning restore CA1031
        {
            current.Fail(e);
        }
        finally
        {
            foreach (VirtualProcessor processor in _processors)
            {
                processor.End();
            }
        }
    }

    // Returns false when all are to end.
    private bool AttendAll(ref VirtualProcessor current)
    {
        bool isAnyLeft = false;
        foreach (VirtualProcessor processor in _processors)
        {
            current = processor;
            isAnyLeft |= processor.Attend();
        }

        return isAnyLeft;
    }
}
