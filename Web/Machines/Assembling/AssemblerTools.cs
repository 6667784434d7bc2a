using System.Globalization;

namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>The programs that a source goes through, found on the search path.</summary>
/// <param name="Assembler">Path of <c>as</c>.</param>
/// <param name="Linker">Path of <c>ld</c>.</param>
/// <param name="Limiter">Path of <c>prlimit</c>.</param>
/// <param name="Version">What <c>as</c> calls itself.</param>
internal sealed record AssemblerTools(string Assembler, string Linker, string Limiter, string Version)
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
        if (assembler is null || linker is null)
        {
            return (null, $"The GNU assembler is not installed here (no {(assembler is null ? "as" : "ld")} on the PATH). Install the package binutils (Debian: apt-get install binutils) and start the server anew.");
        }

        if (limiter is null)
        {
            return (null, "prlimit is not installed here; the assembler runs under its limits alone. Install the package util-linux and start the server anew.");
        }

        ToolResult answer = await ToolRun.RunAsync(new ToolCall(assembler, ["--version"], Path.GetTempPath(), ""));
        string[] lines = answer.Output.Split('\n', StringSplitOptions.TrimEntries);
        return answer.Status == 0 && lines[0].Contains("GNU", StringComparison.Ordinal)
            ? lines.Any(line => line.Contains("x86_64", StringComparison.Ordinal) || line.Contains("x86-64", StringComparison.Ordinal))
                ? (new AssemblerTools(assembler, linker, limiter, lines[0]), "")
                : (null, $"The assembler here is not for x86-64 ({lines[0]}). Install the package binutils-x86-64-linux-gnu's as and ld under these names on the PATH.")
            : (null, string.Create(CultureInfo.InvariantCulture, $"{assembler} is no GNU assembler, or does not start (status {answer.Status})."));
    }

    private static string? Find(string path, string name) => path
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Where(Path.IsPathRooted)
        .Select(folder => Path.Combine(folder, name))
        .FirstOrDefault(File.Exists);
}
