using System.Diagnostics;
using System.Globalization;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>The C program that does nothing but KVM_RUN, compiled here: what the engine is held against.</summary>
internal sealed class BareLoop : IDisposable
{
    private const int Exits = 40000;
    private readonly string _directory = Directory.CreateTempSubdirectory("hyperpatch-bench").FullName;

    public BareLoop()
    {
        string source = Path.Combine(AppContext.BaseDirectory, "Native", "port_loop.c");
        Run("cc", "-O2", "-o", Program, source);
    }

    private string Program => Path.Combine(_directory, "port_loop");

    /// <summary>Nanoseconds a port-I/O exit.</summary>
    /// <param name="armed">With a breakpoint in DR0, as interception needs it, on an address that is never executed.</param>
    public double Measure(bool armed) => double.Parse(
        Run(Program, Exits.ToString(CultureInfo.InvariantCulture), armed ? "armed" : "bare"), CultureInfo.InvariantCulture);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static string Run(string file, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true })
            ?? throw new InvalidOperationException($"{file} could not be started.");
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{file} ended with status {process.ExitCode}.");
    }
}
