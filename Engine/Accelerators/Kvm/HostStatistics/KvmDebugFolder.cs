using System.Globalization;
using System.Text;

namespace Hyperpatch.Engine.Accelerators.Kvm.HostStatistics;

/// <summary>
/// Reads the counters that KVM shows in debugfs (virt/kvm/kvm_main.c, kvm_init_debug and kvm_create_vm_debugfs): a file for each counter, totals
/// in the folder itself, each machine in a folder named PID-FD. How many folders, files and bytes are read has a bound.
/// </summary>
/// <param name="folder">The folder, usually <see cref="UsualFolder"/>.</param>
/// <param name="processes">Where processes have their names, usually <see cref="UsualProcesses"/>.</param>
public sealed class KvmDebugFolder(string folder, string processes)
{
    /// <summary>Where the kernel has it once debugfs is mounted.</summary>
    public const string UsualFolder = "/sys/kernel/debug/kvm";

    /// <summary>Where Linux has its processes.</summary>
    public const string UsualProcesses = "/proc";

    /// <summary>Machines that are read at most.</summary>
    public const int MostMachines = 64;

    /// <summary>Counters that are read at most, of each machine.</summary>
    public const int MostCounters = 256;

    private const int LongestValue = 32;
    private const int LongestName = 64;

    /// <summary>Reads all counters.</summary>
    /// <returns>The counters, or the reason why there are none. Nothing is thrown: machines come and go meanwhile.</returns>
    public KvmHostReading Read()
    {
        try
        {
            IReadOnlyDictionary<string, long> totals = ReadCounters(folder);
            List<(int Process, int Descriptor, string Path)> machines = [];
            foreach (string path in Directory.EnumerateDirectories(folder))
            {
                if (TryParse(Path.GetFileName(path), out int process, out int descriptor))
                {
                    machines.Add((process, descriptor, path));
                }
            }

            return new KvmHostReading
            {
                Totals = totals,
                Machines = [.. machines.Order().Take(MostMachines).Select(Read).OfType<KvmCounters>()],
                MachinesLeftOut = Math.Max(0, machines.Count - MostMachines),
            };
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new KvmHostReading { Reason = Explain() };
        }
    }

    private KvmCounters? Read((int Process, int Descriptor, string Path) machine)
    {
        try
        {
            return new KvmCounters(machine.Process, machine.Descriptor, ProcessName(machine.Process), ReadCounters(machine.Path));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It ended between the listing and the reading.
            return null;
        }
    }

    private static bool TryParse(string name, out int process, out int descriptor)
    {
        descriptor = 0;
        process = 0;
        int dash = name.IndexOf('-', StringComparison.Ordinal);
        return dash > 0
            && int.TryParse(name.AsSpan(0, dash), NumberStyles.None, CultureInfo.InvariantCulture, out process)
            && int.TryParse(name.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out descriptor);
    }

    private static Dictionary<string, long> ReadCounters(string path)
    {
        Dictionary<string, long> counters = new(StringComparer.Ordinal);
        foreach (string file in Directory.EnumerateFiles(path).Take(MostCounters))
        {
            string name = Path.GetFileName(file);
            if (name.Length <= LongestName && ReadNumber(file) is { } value)
            {
                counters[name] = value;
            }
        }

        return counters;
    }

    // Null for what is no counter, or not there any more. The files have no length to go by.
    private static long? ReadNumber(string file)
    {
        try
        {
            using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            Span<byte> bytes = stackalloc byte[LongestValue];
            int length = stream.ReadAtLeast(bytes, LongestValue, throwOnEndOfStream: false);
            return long.TryParse(Encoding.ASCII.GetString(bytes[..length]).Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) ? value : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return null;
        }
    }

    private string? ProcessName(int process)
    {
        try
        {
            using StreamReader reader = new(Path.Combine(processes, process.ToString(CultureInfo.InvariantCulture), "comm"));
            char[] name = new char[LongestName];
            int length = reader.ReadBlock(name);
            string text = new string(name, 0, length).Trim();
            return text.Length > 0 && !text.Any(char.IsControl) ? text : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private string Explain()
    {
        string parent = Path.GetDirectoryName(folder) ?? "/";
        try
        {
            return !Directory.EnumerateFileSystemEntries(parent).Any()
                ? $"debugfs is not mounted at {parent}. As root: mount -t debugfs none {parent}"
                : Directory.Exists(folder)
                    ? Denied(folder)
                    : $"{folder} does not exist: KVM is not loaded (modprobe kvm-intel or kvm-amd), or the kernel has no debugfs for it (CONFIG_DEBUG_FS).";
        }
        catch (UnauthorizedAccessException)
        {
            return Denied(parent);
        }
        catch (IOException)
        {
            return $"{parent} does not exist: the kernel has no debugfs (CONFIG_DEBUG_FS).";
        }
    }

    private static string Denied(string path) =>
        $"{path}: permission denied. Run the server as root or with the capability CAP_DAC_READ_SEARCH, or as root: mount -o remount,mode=755 /sys/kernel/debug";
}
