using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;

namespace Hyperpatch.Engine.Tests.Support;

/// <summary>A machine with a little guest of the test's own, or with one of the catalogue.</summary>
internal sealed class TestMachine : IDisposable
{
    /// <summary>What a guest may take at most. Far more than any needs: a hang ends as a failed test.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private static int s_number;
    private readonly LongModeImage? _image;

    private TestMachine(VirtualMachine machine, LongModeImage? image)
    {
        Machine = machine;
        _image = image;
    }

    /// <summary>The machine.</summary>
    public VirtualMachine Machine { get; }

    /// <summary>Addresses of the image's names.</summary>
    public LongModeImage Image => _image ?? throw new InvalidOperationException("This guest is not of the test's own.");

    /// <summary>Serial output so far.</summary>
    public string Serial => Encoding.Latin1.GetString(Machine.Serial.ReadOutput(0, out _));

    /// <summary>Hypercalls served, whatever way.</summary>
    public long Served => Count(InterceptionOutcome.Served) + Count(InterceptionOutcome.Emulated) + Count(InterceptionOutcome.EmulatedReadOnly);

    /// <summary>Bytes written.</summary>
    public long Patched => Count(InterceptionOutcome.Patched);

    /// <summary>Makes a machine for code in 64-bit mode.</summary>
    public static TestMachine Create(
        Backend backend,
        Action<LongModeImageBuilder> emit,
        GuestVendor vendor = GuestVendor.Intel,
        PatchPolicy policy = PatchPolicy.Force,
        LongModeOptions? image = null,
        VirtualMachineOptions? options = null,
        params IEnumerable<GuestSegment> rom)
    {
        LongModeImage built = LongModeImage.Build(emit, image);
        GuestImage whole = new() { Segments = built.Image.Segments, Rom = [.. rom], Processors = built.Image.Processors };
        return new TestMachine(Make(backend, whole, vendor, policy, options), built);
    }

    /// <summary>Makes a machine for code in 64-bit mode and runs it to its end, which must be the debug exit with 0.</summary>
    public static TestMachine Run(
        Backend backend,
        Action<LongModeImageBuilder> emit,
        GuestVendor vendor = GuestVendor.Intel,
        PatchPolicy policy = PatchPolicy.Force,
        LongModeOptions? image = null,
        VirtualMachineOptions? options = null,
        params IEnumerable<GuestSegment> rom)
    {
        TestMachine machine = Create(backend, emit, vendor, policy, image, options, rom);
        try
        {
            machine.RunToEnd(expected: 1);
            return machine;
        }
        catch
        {
            machine.Dispose();
            throw;
        }
    }

    /// <summary>Makes a machine for an image.</summary>
    public static TestMachine Create(
        Backend backend,
        GuestImage image,
        GuestVendor vendor = GuestVendor.Intel,
        PatchPolicy policy = PatchPolicy.Force,
        VirtualMachineOptions? options = null) => new(Make(backend, image, vendor, policy, options), null);

    /// <summary>Makes a machine for a guest of the catalogue.</summary>
    public static TestMachine Create(
        Backend backend, string guest, VirtualMachineOptions options)
    {
        Assert.True(GuestCatalogue.TryGet(guest, out BuiltInGuest? found), guest);
        return new TestMachine(new VirtualMachine(NextId(), For(backend, options), found, backend.Open()), null);
    }

    /// <summary>Waits for a condition.</summary>
    public static void WaitFor(Func<bool> condition, string what, Func<string>? details = null)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > Limit)
            {
                Assert.Fail($"Waited in vain until {what}. {details?.Invoke()}");
            }

            Thread.Sleep(1);
        }
    }

    /// <summary>Lets the guest run to its end.</summary>
    /// <param name="expected">The status that it must end with, or null for any.</param>
    public MachineExit RunToEnd(int? expected = null)
    {
        Machine.Run();
        return WaitForEnd(expected);
    }

    /// <summary>Waits until the guest has ended.</summary>
    /// <param name="expected">The status that it must end with, or null for any.</param>
    public MachineExit WaitForEnd(int? expected = null)
    {
        WaitFor(() => Machine.State is MachineState.Stopped or MachineState.Failed, "the guest ended", Describe);
        MachineExit exit = Machine.Exit!;
        Assert.True(expected is null || exit.Code == expected, $"Ended with {exit.Code} ({exit.Reason}). {Describe()}");
        // The state changes on one processor's thread while others still run: pausing them is part of the end.
        WaitFor(() => Machine.IsAtRest, "all processors were parked", Describe);
        return exit;
    }

    /// <summary>Waits for a condition, which a guest that ends too early cannot fulfil.</summary>
    public void WaitUntil(Func<bool> condition, string what) => WaitFor(
        () =>
        {
            bool isMet = condition();
            Assert.True(isMet || Machine.State is not (MachineState.Stopped or MachineState.Failed), $"Before {what}: {Describe()}");
            return isMet;
        },
        what,
        Describe);

    /// <summary>Waits for a condition, or for the guest's end.</summary>
    public void WaitUntilOrEnd(Func<bool> condition) => WaitFor(
        () => condition() || Machine.State is MachineState.Stopped or MachineState.Failed, "something happened", Describe);

    /// <summary>How often one outcome occurred.</summary>
    public long Count(InterceptionOutcome outcome) => Machine.Journal.CountOf(outcome);

    /// <summary>All records that were kept, oldest first.</summary>
    public List<ExitRecord> Records()
    {
        Machine.Journal.Drain();
        ExitRecord[] records = new ExitRecord[Machine.Options.HistoryCapacity];
        return [.. records.AsSpan(0, Machine.Journal.Read(0, records))];
    }

    /// <summary>The records of #UD and hypercalls.</summary>
    public List<ExitRecord> Interceptions() => [.. Records().Where(record => record.Outcome != InterceptionOutcome.None)];

    /// <summary>The outcomes at one address, in order.</summary>
    public List<InterceptionOutcome> OutcomesAt(ulong linear) =>
        [.. Interceptions().Where(record => record.Linear == linear).Select(record => record.Outcome)];

    /// <summary>The site of a name.</summary>
    public HypercallSite Site(string symbol) => Site(Image[symbol]);

    /// <summary>The site at an address.</summary>
    public HypercallSite Site(ulong linear) => Assert.Single(Machine.Sites.All(), site => site.Linear == linear);

    /// <summary>Guest memory by linear address of the image.</summary>
    public byte[] Bytes(ulong linear, int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
        {
            Assert.True(Machine.TryReadMemory(Image.Physical(linear + (ulong)i), bytes.AsSpan(i, 1)));
        }

        return bytes;
    }

    /// <summary>Guest memory by the name of what is there.</summary>
    public byte[] Bytes(string symbol, int length) => Bytes(Image[symbol], length);

    /// <summary>A 64-bit variable of the guest.</summary>
    public ulong Word(ulong physical)
    {
        Span<byte> bytes = stackalloc byte[8];
        Assert.True(Machine.TryReadMemory(physical, bytes));
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>Some 64-bit variables of the guest.</summary>
    public ulong[] Words(ulong physical, int count) => [.. Enumerable.Range(0, count).Select(i => Word(physical + ((ulong)i * 8)))];

    /// <summary>What the default handlers wrote down about a processor's latest exception.</summary>
    public ExceptionRecord Exception(int processor = 0)
    {
        byte[] bytes = new byte[ExceptionRecord.Size];
        Assert.True(Machine.TryReadMemory(ExceptionRecord.AddressOf(processor), bytes));
        return ExceptionRecord.Read(bytes);
    }

    /// <summary>The machine in words, for messages of failed tests.</summary>
    public string Describe() => $"State {Machine.State}, {Machine.Exit?.Reason ?? "no end"}; "
        + string.Join(", ", Machine.Processors.Select(p => $"#{p.Index} {p.State} at 0x{p.Rip:X}, {p.Journal.Count} exits"))
        + $"; served {Served}, patched {Patched}; serial: {Serial}";

    public void Dispose() => Machine.Dispose();

    private static VirtualMachine Make(
        Backend backend, GuestImage image, GuestVendor vendor, PatchPolicy policy, VirtualMachineOptions? options)
    {
        options ??= new VirtualMachineOptions { MemoryMiB = 4 };
        return new VirtualMachine(
            NextId(),
            For(backend, options) with { Vendor = vendor.Cpu(), Policy = policy, Processors = image.Processors.Length },
            image,
            backend.Open());
    }

    private static VirtualMachineOptions For(Backend backend, VirtualMachineOptions options) =>
        backend == Backend.Deterministic ? options with { Deterministic = true } : options;

    private static string NextId() => $"t{Interlocked.Increment(ref s_number)}";
}
