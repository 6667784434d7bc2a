using System.Diagnostics;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Images;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>The workloads that emulators are compared by, as a floppy for others and as an image for our machine: the same bytes.</summary>
internal sealed class EmulatorImage : IDisposable
{
    /// <summary>How often each workload runs.</summary>
    public const int Repetitions = 9;

    /// <summary>What the guest writes to a port before the first workload and after each.</summary>
    public const byte Mark = 0xE0;

    private const int BootSector = 512;
    private const int FloppySize = 1_474_560;
    private const ulong LoadAddress = 0x5_0000;
    private static readonly string[] s_sources = ["boot.S", "workloads.c", "sha256.c", "library.c"];

    public EmulatorImage()
    {
        string native = Path.Combine(AppContext.BaseDirectory, "Native"), flat = Path.Combine(Directory, "flat");
        IEnumerable<string> sources = s_sources.Select(name => Path.Combine(native, name));
        string[] arguments =
        [
            "-O2", "-mgeneral-regs-only", "-ffreestanding", "-fno-builtin", "-fno-tree-loop-distribute-patterns", "-fno-stack-protector",
            "-mno-red-zone", "-fcf-protection=none", "-fno-asynchronous-unwind-tables", "-fno-pic", "-no-pie", "-nostdlib", "-static",
            "-w", $"-Wl,-T,{Path.Combine(native, "workloads.ld")}", "-Wl,--oformat=binary", "-Wl,--build-id=none", "-o", flat, .. sources,
        ];
        using (Process compiler = Process.Start("cc", arguments))
        {
            compiler.WaitForExit();
            if (compiler.ExitCode != 0)
            {
                throw new InvalidOperationException($"cc ended with status {compiler.ExitCode}.");
            }
        }

        byte[] bytes = File.ReadAllBytes(flat);
        byte[] floppy = new byte[FloppySize];
        bytes.CopyTo(floppy, 0);
        File.WriteAllBytes(Floppy, floppy);
        Guest = LongModeImage.Build(b =>
        {
            b.Code.mov(rax, LoadAddress);
            b.Code.call(rax);
            b.Exit(0);
            const int Page = 4096;
            for (int at = BootSector; at < bytes.Length; at += Page)
            {
                b.BytesAt(
                    LoadAddress + (ulong)(at - BootSector), bytes.AsSpan(at, Math.Min(Page, bytes.Length - at)), PageFlags.Code);
            }
        }).Image;
    }

    /// <summary>The workloads' names, in order.</summary>
    public static IReadOnlyList<string> Workloads { get; } =
        ["integer loop", "sieve", "SHA-256", "memory copy, loop", "memory copy, REP MOVSQ"];

    /// <summary>Marks of a whole run.</summary>
    public static int Marks => 1 + (Workloads.Count * Repetitions);

    /// <summary>Room for files that live as long as this.</summary>
    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("hyperpatch-emulators").FullName;

    /// <summary>The disk image.</summary>
    public string Floppy => Path.Combine(Directory, "floppy.img");

    /// <summary>The image for our machine, which starts where the boot sector jumps to.</summary>
    public GuestImage Guest { get; }

    public void Dispose() => System.IO.Directory.Delete(Directory, recursive: true);
}
