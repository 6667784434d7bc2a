using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>Runs a child process: no shell, an environment of its own, a time limit, and output up to a limit.</summary>
internal static class ToolRun
{
    private const int MostOutput = 64 * 1024;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_death = TimeSpan.FromSeconds(5);

    /// <summary>Runs it to its end or to the time limit.</summary>
    public static async Task<ToolResult> RunAsync(ToolCall call)
    {
        ProcessStartInfo start = new(call.Program, call.Arguments)
        {
            WorkingDirectory = call.Folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            UseShellExecute = false,
        };

        // Nothing of the server's own, settings and tokens included; messages in English.
        start.Environment.Clear();
        start.Environment["LC_ALL"] = "C";
        start.Environment["TMPDIR"] = ".";
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception exception)
        {
            return new ToolResult(127, "", exception.Message);
        }

        using (process)
        using (var limit = new CancellationTokenSource(s_limit))
        {
            Task<string> output = ReadAsync(process.StandardOutput), errors = ReadAsync(process.StandardError);
            try
            {
                await WriteAsync(process, call.Input, limit.Token);
                await process.WaitForExitAsync(limit.Token);
                return new ToolResult(process.ExitCode, await output.WaitAsync(limit.Token), await errors.WaitAsync(limit.Token));
            }
            catch (OperationCanceledException)
            {
                await KillAsync(process);
                return new ToolResult(null, "", "");
            }
        }
    }

    // Dead when this comes back: until then it could still write into its folder.
    private static async Task KillAsync(Process process)
    {
        process.Kill(entireProcessTree: true);
        try
        {
            await process.WaitForExitAsync().WaitAsync(s_death);
        }
        catch (TimeoutException)
        {
            // It hangs in the kernel. No more can be done.
        }
    }

    private static async Task WriteAsync(Process process, string input, CancellationToken cancellation)
    {
        try
        {
            await process.StandardInput.WriteAsync(input.AsMemory(), cancellation);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended before it had read everything; its status says how.
        }
    }

    // All of it is read, so that the process does not wait for a full pipe; what is beyond the limit is thrown away.
    private static async Task<string> ReadAsync(StreamReader reader)
    {
        var text = new StringBuilder();
        char[] buffer = new char[4096];
        int read;
        while ((read = await reader.ReadAsync(buffer)) > 0)
        {
            text.Append(buffer, 0, Math.Min(read, MostOutput - text.Length));
        }

        return text.ToString();
    }
}
