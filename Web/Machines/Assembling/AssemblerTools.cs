using System.Globalization;

namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>The programs that a source goes through, found on the search path.</summary>
/// <param name="Assembler">Path of <c>as</c>.</param>
/// <param name="Linker">Path of <c>ld</c>.</param>
/// <param name="Limiter">Path of <c>prlimit</c>.</param>
/// <param name="Version">What <c>as</c> calls itself.</param>
/// <param name="Sandbox">Namespaces of their own, or null where the host has none for them.</param>
/// <param name="WithoutSandbox">Why it has none; empty where it has.</param>
internal sealed record AssemblerTools(string Assembler, string Linker, string Limiter, string Version, ToolSandbox? Sandbox, string WithoutSandbox)
{
    /// <summary>Looks for them.</summary>
    /// <param name="path">Folders, separated as in PATH.</param>
    /// <returns>The tools, or why not all are there and what to do.</returns>
    public static async Task<(AssemblerTools? Tools, string Reason)> FindAsync(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return (null, "Assembling needs Linux: the assembler's limits are the kernel's.");
        }

        string? assembler = Find(path, "as"), linker = Find(path, "ld"), limiter = Find(path, "prlimit");
        if (assembler is not null && linker is not null && limiter is not null)
        {
            return await TryAsync(assembler, linker, limiter, Find(path, "unshare"));
        }

        return assembler is null || linker is null
            ? (null, $"The GNU assembler is not installed here (no {(assembler is null ? "as" : "ld")} on the PATH). Install the package binutils (Debian: apt-get install binutils) and start the server anew.")
            : (null, "prlimit is not installed here; the assembler runs under its limits alone. Install the package util-linux and start the server anew.");
    }

    private static async Task<(AssemblerTools? Tools, string Reason)> TryAsync(string assembler, string linker, string limiter, string? unshare)
    {
        ToolResult answer = await ToolRun.RunAsync(new ToolCall(assembler, ["--version"], Path.GetTempPath(), ""));
        string[] lines = answer.Output.Split('\n', StringSplitOptions.TrimEntries);
        if (answer.Status != 0 || !lines[0].Contains("GNU", StringComparison.Ordinal))
        {
            return (null, string.Create(CultureInfo.InvariantCulture, $"{assembler} is no GNU assembler, or does not start (status {answer.Status})."));
        }

        if (!lines.Any(line => line.Contains("x86_64", StringComparison.Ordinal) || line.Contains("x86-64", StringComparison.Ordinal)))
        {
            return (null, $"The assembler here is not for x86-64 ({lines[0]}). Install the package binutils-x86-64-linux-gnu's as and ld under these names on the PATH.");
        }

        (ToolSandbox? sandbox, string reason) = await ToolSandbox.TryAsync(unshare, limiter, assembler, linker);
        return (new AssemblerTools(assembler, linker, limiter, lines[0], sandbox, reason), "");
    }

    private static string? Find(string path, string name) => path
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Where(Path.IsPathRooted)
        .Select(folder => Path.Combine(folder, name))
        .Where(File.Exists)
        .Select(Target)
        .FirstOrDefault();

    // Some systems have links through /etc/alternatives, which is not in the sandbox.
    private static string Target(string file)
    {
        try
        {
            return File.ResolveLinkTarget(file, returnFinalTarget: true)?.FullName ?? file;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return file;
        }
    }
}
