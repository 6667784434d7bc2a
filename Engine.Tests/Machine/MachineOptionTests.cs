using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Support;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>Options that cannot be used are refused, each by its name.</summary>
public sealed class MachineOptionTests
{
    private static readonly (string Case, string Guest, string Field, string Says, Func<VirtualMachineOptions, VirtualMachineOptions> Change)[] s_bad =
    [
        ("no processor", "hello", "processors", "1 to 64", o => o with { Processors = 0 }),
        ("fewer than none", "hello", "processors", "1 to 64", o => o with { Processors = -1 }),
        ("65 processors", "hello", "processors", "1 to 64", o => o with { Processors = 65 }),
        ("two for a guest of one", "real-mode", "processors", "real-mode", o => o with { Processors = 2 }),
        ("no memory", "hello", "memoryMiB", "at least 1", o => o with { MemoryMiB = 0 }),
        ("less than none", "hello", "memoryMiB", "at least 1", o => o with { MemoryMiB = -64 }),
        ("less than the guest needs", "hello", "memoryMiB", "at least 4", o => o with { MemoryMiB = 1 }),
        ("more than the host has", "hello", "memoryMiB", "This host has", o => o with { MemoryMiB = int.MaxValue }),
        ("a word that the guest does not know", "mixed", "commandLine", "rate", o => o with { CommandLine = "speed=1" }),
        ("a value out of range", "mixed", "commandLine", "1 to 1000", o => o with { CommandLine = "rate=0" }),
        ("no word", "mixed", "commandLine", "name=value", o => o with { CommandLine = "rate" }),
        ("a control character", "mixed", "commandLine", "printable", o => o with { CommandLine = "rate=1\n" }),
        ("a long command line", "mixed", "commandLine", "2048", o => o with { CommandLine = new string(' ', 2049) }),
        ("no name", "hello", "name", "1 to 64", o => o with { Name = string.Empty }),
        ("a long name", "hello", "name", "1 to 64", o => o with { Name = new string('x', 65) }),
        ("a line as a name", "hello", "name", "control", o => o with { Name = "a\nb" }),
        ("a policy that is none", "hello", "policy", "force", o => o with { Policy = (PatchPolicy)9 }),
        ("a short history", "hello", "historyCapacity", "256", o => o with { HistoryCapacity = 0 }),
        ("no frames", "hello", "framesPerSecond", "1 to 20", o => o with { FramesPerSecond = 0 }),
        ("too many frames", "hello", "framesPerSecond", "1 to 20", o => o with { FramesPerSecond = 21 }),
    ];

    public static MatrixTheoryData<Backend, string> Bad => Backends.With(s_bad.Select(row => row.Case));

    [Theory, MemberData(nameof(Bad))]
    public void Bad_option_is_named(Backend backend, string name)
    {
        (_, string guest, string field, string says, Func<VirtualMachineOptions, VirtualMachineOptions> change) = s_bad.Single(row => row.Case == name);
        MachineOptionException e = Assert.Throws<MachineOptionException>(
            () => TestMachine.Create(backend, guest, change(new VirtualMachineOptions())));
        Assert.Equal(field, e.Field);
        Assert.Contains(says, e.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void One_processor_is_too_few_for_the_spinlock(Backend backend) =>
        Assert.Throws<MachineOptionException>(() => TestMachine.Create(backend, "pv-spinlock", new VirtualMachineOptions { Processors = 1 }));

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Image_must_fit(Backend backend)
    {
        GuestImage image = LegacyImage.Build(32, 0, 0x3000, e => LegacyImage.Exit(e.Code, 0), new GuestSegment(0x2F_FFFF, new byte[2]));
        MachineOptionException memory = Assert.Throws<MachineOptionException>(
            () => TestMachine.Create(backend, image, options: new VirtualMachineOptions { MemoryMiB = 3 }));
        Assert.Equal("memoryMiB", memory.Field);
        Assert.Contains("0x300001", memory.Message, StringComparison.Ordinal);
        MachineOptionException processors = Assert.Throws<MachineOptionException>(
            () => new VirtualMachine("x", new VirtualMachineOptions { Processors = 2 }, image, backend.Open()));
        Assert.Equal("processors", processors.Field);
        using TestMachine machine = TestMachine.Create(backend, image, options: new VirtualMachineOptions { MemoryMiB = 4 });
        machine.RunToEnd(expected: 1);
    }
}
