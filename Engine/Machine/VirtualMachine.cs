using System.Collections.Immutable;
using System.Diagnostics;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Devices;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Loading;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Texts;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Machine;

/// <summary>
/// A machine: memory, processors, devices, and the commands on them. Commands may come from any thread at any moment; they are
/// carried out one after the other, each within a time limit. This part: making, reading, ending.
/// </summary>
public sealed partial class VirtualMachine : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(5);
    private readonly SemaphoreSlim _gate = new(1);
    private readonly Lock _stateLock = new();
    private readonly Lock _memoryLock = new();
    private readonly IAccelerator _accelerator;
    private readonly GuestImage _image;
    private MachineContext _context;
    private MachineState _state = MachineState.Created;
    private MachineExit? _exit;
    private long _kernelHypercallsBefore;
    private int _policy;
    private bool _disposed;

    /// <summary>Makes a machine and loads the guest; it does not run yet.</summary>
    /// <param name="id">Identifier, unique in the host.</param>
    /// <param name="options">Options.</param>
    /// <param name="guest">The guest.</param>
    /// <param name="accelerator">The back end.</param>
    /// <exception cref="MachineOptionException">An option cannot be used; it is named.</exception>
    /// <exception cref="AcceleratorException">The host refuses.</exception>
    public VirtualMachine(string id, VirtualMachineOptions options, MachineGuest guest, IAccelerator accelerator)
        : this(id, options, Build(options, guest), accelerator)
    {
        GuestName = guest.Name;
    }

    /// <summary>Makes a machine from an image; it does not run yet.</summary>
    /// <param name="id">Identifier, unique in the host.</param>
    /// <param name="options">Options.</param>
    /// <param name="image">The guest, with a start state for each processor.</param>
    /// <param name="accelerator">The back end.</param>
    /// <exception cref="MachineOptionException">An option cannot be used; it is named.</exception>
    /// <exception cref="AcceleratorException">The host refuses.</exception>
    public VirtualMachine(string id, VirtualMachineOptions options, GuestImage image, IAccelerator accelerator)
    {
        ArgumentException.ThrowIfNullOrEmpty(id);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(accelerator);
        MachineOptionChecks.Check(options);
        if (image.Processors.Length != options.Processors)
        {
            throw new MachineOptionException(
                "processors", $"The image starts {image.Processors.Length} processors, the machine has {options.Processors}.");
        }

        if (options.Deterministic && accelerator is not IDeterministicAccelerator)
        {
            throw new MachineOptionException(
                "deterministic", $"The accelerator {accelerator.Name} cannot repeat a run exactly: only the processor in software can (accelerator software).");
        }

        Id = id;
        Options = options;
        GuestName = "image";
        _image = image;
        _accelerator = accelerator;
        _policy = (int)options.Policy;
        _untilSwitch = options.SwitchVendorAfter ?? 0;
        Serial = new SerialPort();
        Ports = new PortBus(Serial, new DebugExit(OnDebugExit));
        Journal = new ExitJournal(
            options.Processors, RingCapacity(options), options.HistoryCapacity);
        Memory = new GuestMemory((ulong)options.MemoryMiB << 20);
        List<IProcessor> processors = [];
        MachineContext? context = null;
        try
        {
            MachineLoader.AddRom(Memory, image);
            MachineLoader.Load(Memory, image);
            context = MakeContext(options.Vendor, 0);
            foreach (ProcessorStart start in image.Processors)
            {
                IProcessor processor = context.Partition.CreateProcessor(processors.Count);
                processors.Add(processor);
                processor.Start(start);
            }

            _context = context;
            Processors = [.. processors.Select((processor, index) =>
                new VirtualProcessor(this, index, processor, context, Journal.Processors[index]))];
        }
        catch
        {
            processors.ForEach(processor => processor.Dispose());
            context?.Partition.Dispose();
            Memory.Dispose();
            throw;
        }

        (string level, string policy) = (PolicyNames.Of(context.Level), PolicyNames.Of(options.Policy));
        Timeline.Add("created", options.Deterministic
            ? Phrase.Of(TimelineTexts.CreatedDeterministic, options.Processors, options.MemoryMiB, options.Vendor.Name, accelerator.Name, level, policy)
            : Phrase.Of(TimelineTexts.Created, options.Processors, options.MemoryMiB, options.Vendor.Name, accelerator.Name, level, policy));
        foreach (ProcessorThread thread in MakeThreads())
        {
            thread.Start();
        }

        StartPump();
        EngineMeter.Add(this);
    }

    /// <summary>Identifier.</summary>
    public string Id { get; }

    /// <summary>
    /// How often instructions were met that exist but that the back end does not carry out, by mnemonic; since the latest vendor switch or reset.
    /// </summary>
    public IReadOnlyDictionary<string, long> UnimplementedInstructions =>
        (Volatile.Read(ref _context).Partition as IUnimplementedInstructions)?.UnimplementedInstructions.ToDictionary() ?? [];

    /// <summary>Options it was made with.</summary>
    public VirtualMachineOptions Options { get; }

    /// <summary>Name of the guest: of the catalogue, of the image file, or <c>image</c>.</summary>
    public string GuestName { get; }

    /// <summary>Name of the back end.</summary>
    public string AcceleratorName => _accelerator.Name;

    /// <summary>What the host's kernel counts about it since it was made or its vendor was switched; empty where there is no such thing.</summary>
    public IReadOnlyDictionary<string, long> KernelCounters() =>
        Volatile.Read(ref _context).Partition is IKernelCounters counters ? counters.ReadKernelCounters() : ImmutableDictionary<string, long>.Empty;

    /// <summary>When it was made.</summary>
    public DateTimeOffset CreatedAt { get; } = DateTimeOffset.UtcNow;

    /// <summary>The vendor that the guest sees.</summary>
    public CpuVendor Vendor => Volatile.Read(ref _context).Vendor;

    /// <summary>How hypercalls are intercepted.</summary>
    public InterceptionLevel Level => Volatile.Read(ref _context).Level;

    /// <summary>Number of vendor switches so far.</summary>
    public int Epoch => (int)Volatile.Read(ref _context).Epoch;

    /// <summary>
    /// The machine's own time in nanoseconds since its start, if it is deterministic; null otherwise. Exact while it is at rest (<see cref="IsAtRest"/>).
    /// </summary>
    public ulong? MachineTime => Volatile.Read(ref _context).Deterministic?.Time;

    /// <summary>Hypercalls that the host's kernel served unseen (level <c>native</c>), or null where that is not known.</summary>
    public long? KernelHypercalls => Level == InterceptionLevel.Native || Volatile.Read(ref _kernelHypercallsBefore) > 0
        ? Volatile.Read(ref _kernelHypercallsBefore) + (Volatile.Read(ref _context).Partition.KernelHypercalls ?? 0)
        : null;

    /// <summary>What is done with the wrong vendor's hypercall. May be changed at any time.</summary>
    public PatchPolicy Policy => (PatchPolicy)Volatile.Read(ref _policy);

    /// <summary>The processors.</summary>
    public ImmutableArray<VirtualProcessor> Processors { get; }

    /// <summary>Exits.</summary>
    public ExitJournal Journal { get; }

    /// <summary>Hypercall sites.</summary>
    public HypercallSiteTable Sites { get; } = new();

    /// <summary>Events of its life.</summary>
    public Timeline Timeline { get; } = new();

    /// <summary>The serial port.</summary>
    public SerialPort Serial { get; }

    /// <summary>State.</summary>
    public MachineState State
    {
        get
        {
            lock (_stateLock)
            {
                return _state;
            }
        }
    }

    /// <summary>Why it is over, or null.</summary>
    public MachineExit? Exit
    {
        get
        {
            lock (_stateLock)
            {
                return _exit;
            }
        }
    }

    internal GuestMemory Memory { get; }

    internal PortBus Ports { get; }

    /// <summary>Reads guest-physical memory, whatever the machine does meanwhile.</summary>
    /// <param name="address">Guest-physical address.</param>
    /// <param name="destination">Filled.</param>
    /// <returns>False when there is no memory, or the machine is gone.</returns>
    public bool TryReadMemory(ulong address, Span<byte> destination)
    {
        lock (_memoryLock)
        {
            return !_disposed && Memory.TryRead(address, destination);
        }
    }

    /// <summary>Follows a page walk through the guest's tables as they are now. Any thread; while the guest runs, it may be changing them.</summary>
    /// <param name="state">Control registers to walk by, as of a <see cref="ProcessorSnapshot"/>.</param>
    /// <param name="linear">Linear address.</param>
    /// <returns>The walk, or null when the machine is disposed of.</returns>
    public PageWalkTrace? TraceWalk(in PagingState state, ulong linear)
    {
        lock (_memoryLock)
        {
            return _disposed ? null : PageWalkTracer.Trace(Memory, state, linear);
        }
    }

    /// <summary>Ends all threads and frees everything, within 5 seconds. What does not come back by then is left alone.</summary>
    public void Dispose()
    {
        lock (_stateLock)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
        }

        EngineMeter.Remove(this);
        // A command at work gets its time; after that its processors are told to end all the same. All of it within the limit.
        long start = Stopwatch.GetTimestamp();
        bool entered = _gate.Wait(TimeSpan.FromSeconds(1));
        StopPump();
        foreach (VirtualProcessor processor in Processors)
        {
            processor.RequestExit();
        }

        bool ended = true;
        foreach (VirtualProcessor processor in Processors)
        {
            TimeSpan left = s_limit - Stopwatch.GetElapsedTime(start);
            ended &= processor.Join(left > TimeSpan.Zero ? left : TimeSpan.Zero);
        }

        // The kernel still writes to the memory of a processor that did not come back: then it is leaked, not unmapped.
        if (ended)
        {
            _context.Partition.Dispose();
            lock (_memoryLock)
            {
                Memory.Dispose();
            }
        }

        if (entered)
        {
            _ = _gate.Release();
        }
    }

    /// <summary>
    /// Whether no processor executes, and what each did last is in the journal: a moment after the machine was <see cref="MachineState.Stopped"/> or
    /// <see cref="MachineState.Failed"/>, which one processor's thread says while others may still be on their way. Counters and time then stand still.
    /// </summary>
    public bool IsAtRest => Processors.All(processor => processor.State is ProcessorRunState.Paused or ProcessorRunState.Stopped);

    /// <summary>The guest is over: everything parks. Any processor's thread.</summary>
    internal void Finish(MachineState state, MachineExit exit)
    {
        lock (_stateLock)
        {
            // A failure counts before the first instruction, too: a processor's thread that could not be set up.
            bool isOver = _state is MachineState.Stopped or MachineState.Failed;
            if (isOver || (_state == MachineState.Created && state != MachineState.Failed))
            {
                return;
            }

            _state = state;
            _exit = exit;
        }

        Timeline.Add(state == MachineState.Failed ? "failed" : "stopped", exit.Reason);
        foreach (VirtualProcessor processor in Processors)
        {
            processor.RequestPause();
        }
    }

    /// <summary>The guest cannot go on.</summary>
    internal void Fail(int processor, string reason) =>
        Finish(MachineState.Failed, new MachineExit(Phrase.Of(TimelineTexts.ProcessorFailed, processor, reason), MachineExit.FailureCode));

    private static GuestImage Build(VirtualMachineOptions options, MachineGuest guest)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(guest);
        MachineOptionChecks.Check(options, guest);
        try
        {
            return guest.Build(new GuestBuildOptions(
                options.Processors, (ulong)options.MemoryMiB << 20, options.CommandLine));
        }
        catch (GuestOptionException e)
        {
            throw new MachineOptionException("commandLine", e.Message);
        }
        catch (GuestImageException e)
        {
            throw new MachineOptionException(e.Field, e.Message);
        }
    }

    private static int RingCapacity(VirtualMachineOptions options)
    {
        // A second of a port-I/O storm on one processor; less for each when there are many.
        int size = 32768;
        while (size > 1024 && size * options.Processors > 131072)
        {
            size /= 2;
        }

        return size;
    }

    private ProcessorThread[] MakeThreads() => Options.Deterministic
        ? [new ProcessorThread($"{Id}/vcpus", Processors)]
        : [.. Processors.Select(processor => new ProcessorThread($"{Id}/vcpu{processor.Index}", [processor]))];

    private MachineContext MakeContext(CpuVendor vendor, uint epoch)
    {
        InterceptionLevel level = _accelerator.SelectLevel(vendor);
        IPartition partition = Options.Deterministic
            ? ((IDeterministicAccelerator)_accelerator).CreateDeterministicPartition(Memory, vendor, level)
            : _accelerator.CreatePartition(Memory, vendor, level);
        if (Options.InterceptControlRegisters)
        {
            if (partition is not IControlRegisterExits control)
            {
                partition.Dispose();
                throw new MachineOptionException(
                    "interceptControlRegisters", $"The accelerator {_accelerator.Name} does not report accesses to control registers: only the processor in software does (accelerator software).");
            }

            control.ReportsControlRegisters = true;
        }

        return new MachineContext(vendor, (byte)CpuVendor.All.IndexOf(vendor), partition, level, epoch);
    }

    private void OnDebugExit(uint value) =>
        Finish(MachineState.Stopped, new MachineExit(
            Phrase.Of(TimelineTexts.DebugExit, value), (int)(((value << 1) | 1) & 0xFF)));
}
