namespace Hyperpatch.Engine.Tests.Web;

/// <summary>A folder for a search path with links to some of the host's tools and no others.</summary>
internal sealed class ToolLinks : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hyperpatch-test-tools-");

    public ToolLinks(params IEnumerable<string> tools)
    {
        foreach (string tool in tools)
        {
            if (FindOnPath(tool) is { } file)
            {
                File.CreateSymbolicLink(Path.Combine(Folder, tool), file);
            }
        }
    }

    public string Folder => _folder.FullName;

    /// <summary>A program of the host, or null.</summary>
    public static string? FindOnPath(string tool) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Select(folder => Path.Combine(folder, tool)).FirstOrDefault(File.Exists);

    public void Dispose() => _folder.Delete(recursive: true);
}
