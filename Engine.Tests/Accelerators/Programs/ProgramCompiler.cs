using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;

namespace Hyperpatch.Engine.Tests.Accelerators.Programs;

/// <summary>Compiles the programs with the host's C compiler, each once a level whatever number of back ends asks.</summary>
internal static class ProgramCompiler
{
    private static readonly string s_sources = Path.Combine(AppContext.BaseDirectory, "Programs");
    private static readonly Lazy<bool> s_hasCompiler = new(HasCompiler);
    private static readonly ConcurrentDictionary<(string, int, bool), Lazy<CompiledProgram>> s_compiled = new();

    /// <summary>What every program is given.</summary>
    public static byte[] Input { get; } = MakeInput();

    /// <summary>The program, compiled and run on the host; skips the test where there is no compiler.</summary>
    /// <param name="name">Source file without extension.</param>
    /// <param name="level">Of optimization, 0 to 3.</param>
    /// <param name="usesVectorRegisters">Whether the guest's code may use SSE2; otherwise the general registers only.</param>
    public static CompiledProgram Get(string name, int level, bool usesVectorRegisters)
    {
        Assert.SkipUnless(s_hasCompiler.Value, "There is no C compiler (cc) for x86-64 on this machine to make the guest with.");
        return s_compiled.GetOrAdd(
            (name, level, usesVectorRegisters),
            _ => new Lazy<CompiledProgram>(() => Compile(name, level, usesVectorRegisters))).Value;
    }

    private static CompiledProgram Compile(string name, int level, bool usesVectorRegisters)
    {
        string directory = Directory.CreateTempSubdirectory("hyperpatch-program").FullName;
        try
        {
            string source = Path.Combine(s_sources, name + ".c"), flat = Path.Combine(directory, "flat"), host = Path.Combine(directory, "host");
            // Without a red zone, as code at CPL 0 must be; loops are not turned into calls of memcpy, which would call itself.
            Run(
                "cc",
                [],
                $"-O{level}", usesVectorRegisters ? "-msse2" : "-mgeneral-regs-only", "-Wall", "-Wextra", "-Werror", "-ffreestanding",
                "-fno-builtin", "-fno-tree-loop-distribute-patterns", "-ffp-contract=off", "-fno-stack-protector", "-mno-red-zone",
                "-fcf-protection=none", "-fno-asynchronous-unwind-tables", "-fno-pic", "-no-pie", "-mcmodel=small", "-nostdlib", "-static",
                $"-Wl,-T,{Path.Combine(s_sources, "program.ld")}", "-Wl,--oformat=binary", "-Wl,--build-id=none",
                "-o", flat, source, Path.Combine(s_sources, "library.c"));
            Run("cc", [], $"-O{level}", "-ffp-contract=off", "-o", host, source, Path.Combine(s_sources, "host.c"));
            byte[] result = Run(host, Input);
            return new CompiledProgram(File.ReadAllBytes(flat), BinaryPrimitives.ReadUInt64LittleEndian(result), result[8..]);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static byte[] Run(string file, byte[] input, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(file, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        using MemoryStream output = new();
        process.StandardInput.BaseStream.Write(input);
        process.StandardInput.Close();
        process.StandardOutput.BaseStream.CopyTo(output);
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{file} {string.Join(' ', arguments)} ended with {process.ExitCode}: {errors.GetAwaiter().GetResult()}");
        return output.ToArray();
    }

    private static bool HasCompiler()
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo("cc", ["-dumpmachine"]) { RedirectStandardOutput = true })!;
            string machine = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 && machine.StartsWith("x86_64", StringComparison.Ordinal);
        }
        catch (Win32Exception)
        {
            return false;
        }
    }

    private static byte[] MakeInput()
    {
        byte[] input = new byte[8000];
        new Random(1).NextBytes(input);
        return input;
    }
}
