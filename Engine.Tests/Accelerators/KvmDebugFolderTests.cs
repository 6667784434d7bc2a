using System.Globalization;
using Hyperpatch.Engine.Accelerators.Kvm.HostStatistics;

namespace Hyperpatch.Engine.Tests.Accelerators;

/// <summary>KVM's folder in debugfs, in a folder of the test's own.</summary>
public sealed class KvmDebugFolderTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("hyperpatch-kvm-").FullName;

    private string Folder => Path.Combine(_root, "kvm");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Totals_and_machines_are_read_with_their_processes()
    {
        Write("exits", "300\n");
        Write("1-12/exits", "200\n");
        Write("1-12/halt_exits", "7");
        Write("77-9/exits", "100\n");
        Write("77-9/vcpu0/tsc-offset", "5\n");
        Write("77-9/words", "not a number\n");
        Write("77-9/long", new string('9', 100));
        Write("not-a-machine/exits", "1");
        Write("../proc/77/comm", "qemu-system-x86\n");
        KvmHostReading reading = Read();
        Assert.Null(reading.Reason);
        Assert.Equal(300, reading.Totals["exits"]);
        Assert.Equal([(1, 12), (77, 9)], reading.Machines.Select(machine => (machine.ProcessId, machine.Descriptor)));
        Assert.Equal(("qemu-system-x86", null), (reading.Machines[1].ProcessName, reading.Machines[0].ProcessName));
        Assert.Equal(["exits", "halt_exits"], reading.Machines[0].Counters.Keys.Order());
        Assert.Equal(["exits"], reading.Machines[1].Counters.Keys);
    }

    [Fact]
    public void What_is_read_has_a_bound()
    {
        for (int i = 0; i < KvmDebugFolder.MostMachines + 5; i++)
        {
            Write(string.Create(CultureInfo.InvariantCulture, $"{i + 1}-3/exits"), "1");
        }

        for (int i = 0; i < KvmDebugFolder.MostCounters + 50; i++)
        {
            Write(string.Create(CultureInfo.InvariantCulture, $"1-3/counter{i}"), "1");
        }

        KvmHostReading reading = Read();
        Assert.Equal((KvmDebugFolder.MostMachines, 5), (reading.Machines.Count, reading.MachinesLeftOut));
        Assert.Equal(KvmDebugFolder.MostCounters, reading.Machines[0].Counters.Count);
    }

    [Fact]
    public void Without_debugfs_it_says_what_to_mount()
    {
        Assert.Contains($"mount -t debugfs none {_root}", Read().Reason, StringComparison.Ordinal);
        Directory.CreateDirectory(Path.Combine(_root, "block"));
        Assert.Contains("KVM is not loaded", Read().Reason, StringComparison.Ordinal);
        Assert.Contains("no debugfs", new KvmDebugFolder(Path.Combine(_root, "no", "kvm"), "/proc").Read().Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_the_rights_it_says_which()
    {
        if (OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess)
        {
            Assert.Skip("only Linux has these rights, and root may read every folder");
            return;
        }

        Write("exits", "1");
        File.SetUnixFileMode(_root, UnixFileMode.None);
        try
        {
            Assert.Contains("CAP_DAC_READ_SEARCH", Read().Reason, StringComparison.Ordinal);
        }
        finally
        {
            File.SetUnixFileMode(_root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private KvmHostReading Read() => new KvmDebugFolder(Folder, Path.Combine(_root, "proc")).Read();

    private void Write(string path, string text)
    {
        string full = Path.Combine(Folder, path);
        Directory.CreateDirectory(Folder);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
    }
}
