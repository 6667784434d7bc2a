using System.Globalization;

namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>An empty folder for one use of the tools, which goes afterwards. Nobody but the server's user looks into it.</summary>
/// <remarks>Its name says whose it is, so that a later server can tell what one that was killed has left (<see cref="ToolFolderSweep"/>).</remarks>
internal sealed class ToolFolder : IDisposable
{
    /// <summary>The folder for the tools' files.</summary>
    public const string WorkName = "work";

    /// <summary>Where the tools' own file system begins to be put together (see <see cref="ToolSandbox"/>); empty to everybody else.</summary>
    public const string RootName = "root";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory(
        string.Create(CultureInfo.InvariantCulture, $"{ToolFolderSweep.Prefix}{ToolFolderSweep.Namespace}-{Environment.ProcessId}-"));

    /// <summary>Makes it.</summary>
    public ToolFolder()
    {
        Work = _folder.CreateSubdirectory(WorkName).FullName;
        _ = _folder.CreateSubdirectory(RootName);
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
