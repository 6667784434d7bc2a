using System.Formats.Tar;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>
/// Removes folders of the tools that a server has left which was killed during an assembly. They lie among other people's things: one goes only where
/// its name, its owner and its content all say that it is such a folder, and nobody can be at work in it.
/// </summary>
internal static partial class ToolFolderSweep
{
    /// <summary>What their names begin with; behind it the process's namespace, a hyphen, the process's number, a hyphen, and six random characters.</summary>
    public const string Prefix = "hyperpatch-";

    // Far longer than any assembly takes: such a folder is nobody's, even where its process's number has gone to another one, or cannot be seen from here.
    private static readonly TimeSpan s_old = TimeSpan.FromHours(1);

    /// <summary>
    /// The namespace that this process's number belongs to (<c>/proc/self/ns/pid</c>, pid_namespaces(7)): containers may share the folder and not the numbers.
    /// Empty where it cannot be told.
    /// </summary>
    public static string Namespace { get; } = ReadNamespace();

    /// <summary>Looks through a folder.</summary>
    /// <param name="parent">The folder, such as that for temporary files.</param>
    /// <returns>How many were removed.</returns>
    public static int Sweep(string parent)
    {
        if (!OperatingSystem.IsLinux() || ReadUser() is not { } user)
        {
            return 0;
        }

        try
        {
            return new DirectoryInfo(parent).EnumerateDirectories(Prefix + "*").Count(folder => IsLeft(folder, user) && Remove(folder));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    private static bool IsLeft(DirectoryInfo folder, int user)
    {
        try
        {
            return Name().Match(folder.Name) is { Success: true } name
                && folder.LinkTarget is null
                && (DateTime.UtcNow - folder.LastWriteTimeUtc > s_old || IsOfDeadProcess(name))
                && OwnerOf(folder) == user
                && HasToolsContent(folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Gone meanwhile, or not ours.
            return false;
        }
    }

    private static bool IsOfDeadProcess(Match name) =>
        Namespace.Length > 0 && name.Groups["space"].Value == Namespace && !Directory.Exists("/proc/" + name.Groups["process"].Value);

    private static bool HasToolsContent(DirectoryInfo folder) =>
        folder.EnumerateFileSystemInfos().All(entry => entry is DirectoryInfo { LinkTarget: null, Name: ToolFolder.WorkName or ToolFolder.RootName });

    private static bool Remove(DirectoryInfo folder)
    {
        try
        {
            // Links within are removed, not followed.
            folder.Delete(recursive: true);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // The library tells an owner in an archive alone. A folder's entry is its head, without what is in it, and of a link it is the link's.
    private static int OwnerOf(DirectoryInfo folder)
    {
        using var archive = new MemoryStream();
        using (var writer = new TarWriter(archive, TarEntryFormat.Pax, leaveOpen: true))
        {
            writer.WriteEntry(folder.FullName, "folder");
        }

        archive.Position = 0;
        using var reader = new TarReader(archive);
        return reader.GetNextEntry() is { EntryType: TarEntryType.Directory } entry ? entry.Uid : -1;
    }

    // "Uid:", then the real, the effective, the saved and the file system's user (proc_pid_status(5)): folders are made as the last.
    private static int? ReadUser()
    {
        try
        {
            string? line = File.ReadLines("/proc/self/status").FirstOrDefault(one => one.StartsWith("Uid:", StringComparison.Ordinal));
            return int.TryParse(line?.Split('\t')[^1], NumberStyles.None, CultureInfo.InvariantCulture, out int user) ? user : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // A link whose target is "pid:[4026531836]".
    private static string ReadNamespace()
    {
        try
        {
            string target = new FileInfo("/proc/self/ns/pid").LinkTarget ?? "";
            return string.Concat(target.Where(char.IsAsciiDigit));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    // The second form is that of versions which did not name the process.
    [GeneratedRegex("^hyperpatch-(?:(?<space>[0-9]*)-(?<process>[0-9]+)-)?[A-Za-z0-9]{6}$", RegexOptions.CultureInvariant)]
    private static partial Regex Name();
}
