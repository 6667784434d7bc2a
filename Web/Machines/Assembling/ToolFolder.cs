namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>An empty folder for one use of the tools, which goes afterwards. Nobody but the server's user looks into it.</summary>
internal sealed class ToolFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hyperpatch-");

    /// <summary>Makes it.</summary>
    public ToolFolder()
    {
        Work = _folder.CreateSubdirectory("work").FullName;

        // Where the tools' own file system begins to be put together (see ToolSandbox); empty to everybody else.
        _ = _folder.CreateSubdirectory("root");
    }

    /// <summary>The tools' working directory.</summary>
    public string Work { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            _folder.Delete(recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The answer is not lost for it: what stays is a source's own object file, in the system's folder for such things.
        }
    }
}
