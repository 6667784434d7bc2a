using System.ComponentModel;
using System.Diagnostics;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>
/// Finds a Chromium: the environment variable HYPERPATCH_CHROMIUM, the system's, Playwright's own download; as root on Debian it installs
/// the distribution's package.
/// </summary>
internal static class ChromiumLocator
{
    private const string Variable = "HYPERPATCH_CHROMIUM";
    private static readonly string[] s_names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
    private static readonly string[] s_downloadFolders = ["chrome-linux64", "chrome-linux"];
    private static readonly TimeSpan s_installLimit = TimeSpan.FromMinutes(8);

    // Several classes of tests begin at once, and two installations would lock each other out: the first looks, and the others wait for what it finds.
    private static readonly Lazy<(string? Path, string Reason)> s_found = new(Look);

    /// <summary>Path of the executable, or the reason why there is none.</summary>
    public static (string? Path, string Reason) Find() => s_found.Value;

    private static (string? Path, string Reason) Look()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given)
        {
            return File.Exists(given) ? (given, string.Empty) : (null, $"{Variable} names {given}, which does not exist");
        }

        if (FindOnPath() is { } installed)
        {
            return (installed, string.Empty);
        }

        if (FindPlaywrightDownload() is { } downloaded)
        {
            return (downloaded, string.Empty);
        }

        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess || !File.Exists("/etc/debian_version"))
        {
            return (null, $"no Chromium here: install one (Debian: apt-get install chromium) or name it in {Variable}");
        }

        string failure = Install();
        return FindOnPath() is { } fresh ? (fresh, string.Empty) : (null, $"no Chromium here, and its package could not be installed: {failure}");
    }

    private static string? FindOnPath() => (Environment.GetEnvironmentVariable("PATH") ?? string.Empty)
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .SelectMany(directory => s_names.Select(name => Path.Combine(directory, name)))
        .FirstOrDefault(File.Exists);

    private static string? FindPlaywrightDownload()
    {
        string root = Environment.GetEnvironmentVariable("PLAYWRIGHT_BROWSERS_PATH")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "ms-playwright");
        return !Directory.Exists(root) ? null : Directory
            .EnumerateDirectories(root, "chromium-*")
            .OrderDescending(StringComparer.Ordinal)
            .SelectMany(directory => s_downloadFolders.Select(inner => Path.Combine(directory, inner, "chrome")))
            .FirstOrDefault(File.Exists);
    }

    private static string Install()
    {
        foreach (string[] arguments in new string[][] { ["update"], ["install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", "chromium"] })
        {
            try
            {
                ProcessStartInfo start = new("apt-get", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
                start.Environment["DEBIAN_FRONTEND"] = "noninteractive";
                using Process process = Process.Start(start)!;
                // Read, or a full pipe would stop it; nobody needs the text.
                Task output = process.StandardOutput.ReadToEndAsync();
                Task<string> errors = process.StandardError.ReadToEndAsync();
                if (!process.WaitForExit(s_installLimit))
                {
                    process.Kill(entireProcessTree: true);
                    return $"apt-get {arguments[0]} took longer than {s_installLimit.TotalMinutes:0} minutes";
                }

                output.Wait();
                if (process.ExitCode != 0)
                {
                    return $"apt-get {arguments[0]} ended with status {process.ExitCode}: {errors.Result.Trim()}";
                }
            }
            catch (Win32Exception e)
            {
                return e.Message;
            }
        }

        return "it is not on the PATH";
    }
}
