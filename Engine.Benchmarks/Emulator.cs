using System.ComponentModel;
using System.Diagnostics;
using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Machine;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>Runs the workloads somewhere and says when each was done.</summary>
internal static class Emulator
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);

    /// <summary>Seconds that each workload took, on our processor in software.</summary>
    /// <param name="image">The workloads.</param>
    public static double[] Ours(EmulatorImage image)
    {
        using VirtualMachine machine = new("emulators", new VirtualMachineOptions(), image.Guest, new SoftwareAccelerator());
        List<long> marks = [];
        machine.Run();
        long start = Stopwatch.GetTimestamp();
        while (marks.Count < EmulatorImage.Marks)
        {
            if (machine.Serial.Written > marks.Count)
            {
                marks.Add(Stopwatch.GetTimestamp());
            }
            else if (Stopwatch.GetElapsedTime(start) > s_limit || machine.Exit is not null)
            {
                throw new InvalidOperationException($"The workloads did not end: {marks.Count} marks, {machine.Exit?.Reason}.");
            }
            else
            {
                Thread.Sleep(1);
            }
        }

        return Seconds(marks);
    }

    /// <summary>The same in QEMU without KVM; null where it is not installed.</summary>
    /// <param name="image">The workloads.</param>
    public static double[]? Qemu(EmulatorImage image) => Run(
        "qemu-system-x86_64",
        "-accel", "tcg", "-m", "64", "-nodefaults", "-display", "none", "-no-reboot",
        "-drive", $"file={image.Floppy},format=raw,if=floppy", "-debugcon", "stdio");

    /// <summary>The same in Bochs; null where it is not installed.</summary>
    /// <param name="image">The workloads.</param>
    public static double[]? Bochs(EmulatorImage image)
    {
        string[] folders = Environment.GetEnvironmentVariable("PATH")?.Split(Path.PathSeparator) ?? [];
        if (!folders.Any(folder => File.Exists(Path.Combine(folder, "bochs"))))
        {
            return null;
        }

        string configuration = Path.Combine(image.Directory, "bochsrc");
        // The display is a VNC server that waits for nobody: packages that lack "nogui" have it. Without a sound card, the real drivers
        // of sound bring Bochs down.
        File.WriteAllText(configuration, $"""
            megs: 64
            romimage: file=/usr/share/bochs/BIOS-bochs-latest
            vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
            floppya: 1_44={image.Floppy}, status=inserted
            boot: floppy
            display_library: rfb, options="timeout=0"
            port_e9_hack: enabled=1
            sound: waveoutdrv=dummy
            speaker: enabled=0
            cpu: model=corei7_haswell_4770, ips=200000000
            clock: sync=none
            panic: action=fatal
            error: action=ignore
            info: action=ignore
            debug: action=ignore
            log: {image.Directory}/bochs.log

            """);
        // In a network of its own: the VNC server would listen on all addresses, and nobody is to look at it.
        return Run("unshare", "--user", "--map-root-user", "--net", "bochs", "-q", "-f", configuration);
    }

    private static double[]? Run(string file, params string[] arguments)
    {
        Process process;
        try
        {
            process = Process.Start(new ProcessStartInfo(file, arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
        }
        catch (Win32Exception)
        {
            return null;
        }

        using (process)
        {
            process.ErrorDataReceived += (_, _) => { };
            process.BeginErrorReadLine();
            using Timer limit = new(_ => process.Kill(), null, s_limit, Timeout.InfiniteTimeSpan);
            try
            {
                // A Bochs with the debugger built in waits for this.
                process.StandardInput.WriteLine("c");
                process.StandardInput.Flush();
                List<long> marks = [];
                byte[] buffer = new byte[4096];
                while (marks.Count < EmulatorImage.Marks)
                {
                    int count = process.StandardOutput.BaseStream.Read(buffer);
                    if (count == 0)
                    {
                        throw new InvalidOperationException($"{file} ended after {marks.Count} marks.");
                    }

                    marks.AddRange(Enumerable.Repeat(Stopwatch.GetTimestamp(), buffer.AsSpan(0, count).Count(EmulatorImage.Mark)));
                }

                return Seconds(marks);
            }
            finally
            {
                process.Kill();
                process.WaitForExit();
            }
        }
    }

    // From the end of the first repetition, in which what is new is translated, to that of the last. Over all the others together: what
    // is late in seeing one mark is then next to nothing, while the shortest single one would be one between a late mark and a timely.
    private static double[] Seconds(List<long> marks) =>
    [
        .. Enumerable.Range(0, EmulatorImage.Workloads.Count).Select(i => Stopwatch.GetElapsedTime(
            marks[1 + (i * EmulatorImage.Repetitions)], marks[(i + 1) * EmulatorImage.Repetitions]).TotalSeconds / (EmulatorImage.Repetitions - 1)),
    ];
}
