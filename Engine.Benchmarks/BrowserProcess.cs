using System.Diagnostics;
using System.Globalization;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>The process that drives a browser (<see cref="BrowserClients"/>), as the one that measures sees it.</summary>
internal sealed class BrowserProcess : IDisposable
{
    private readonly Process _process;

    private BrowserProcess(Process process) => _process = process;

    public static BrowserProcess Start(string chromium, Uri login) => new(Process.Start(
        new ProcessStartInfo(Environment.ProcessPath!, [BrowserClients.Command, chromium, login.ToString()])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        }) ?? throw new InvalidOperationException("The browser's process could not be started."));

    /// <summary>Sends a command and waits until it has been done.</summary>
    public async Task<string> AskAsync(string command)
    {
        await _process.StandardInput.WriteLineAsync(command);
        return await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException($"The browser's process ended at \"{command}\".");
    }

    /// <summary>The same, for a command that answers with numbers.</summary>
    public async Task<double[]> NumbersAsync(string command) =>
        [.. (await AskAsync(command)).Split(' ').Select(word => double.Parse(word, CultureInfo.InvariantCulture))];

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}
