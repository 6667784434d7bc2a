using System.Globalization;
using Microsoft.AspNetCore.DataProtection.Repositories;

namespace Hyperpatch.Web.Security;

/// <summary>
/// Sessions that have ended, beside the keys that protect cookies: a cookie that survives a restart must not come back to life by it.
/// </summary>
/// <remarks>
/// Each is an empty file whose name says which session it is and until when (seconds since 1970). To make one is a single step, which another dashboard
/// of this user, that has the same keys, does not disturb; and there is no content to be damaged.
/// </remarks>
/// <param name="keys">The keys' folder; null: sessions end with the process, and none is kept.</param>
/// <param name="logger">Where it is written that a folder cannot be used.</param>
public sealed class EndedSessionFiles(DirectoryInfo? keys, ILogger<EndedSessionFiles> logger)
{
    /// <summary>The folder, within that of the keys, which are files with the ending <c>.xml</c>.</summary>
    public const string FolderName = "hyperpatch-ended-sessions";

    private readonly string? _folder = keys is null ? null : Path.Combine(keys.FullName, FolderName);

    /// <summary>The folder that keys are in.</summary>
    /// <param name="configured">Where they were put, or null: the framework chooses.</param>
    /// <returns>The folder, or null: they are kept in memory, or where no files are.</returns>
    public static DirectoryInfo? KeysOf(IXmlRepository? configured) => configured switch
    {
        null => FileSystemXmlRepository.DefaultKeyStorageDirectory,
        FileSystemXmlRepository files => files.Directory,
        _ => null,
    };

    /// <summary>All that are kept.</summary>
    public IReadOnlyList<EndedSession> Read()
    {
        try
        {
            return Directory.Exists(_folder) ? [.. Directory.EnumerateFiles(_folder).Select(Parse).OfType<EndedSession>()] : [];
        }
        catch (Exception exception) when (IsRefusal(exception))
        {
            logger.LogWarning("Sessions that ended before this start cannot be read, so that their cookies are good again until they expire: {Reason}", exception.Message);
            return [];
        }
    }

    /// <summary>Keeps one more.</summary>
    /// <param name="session">The session.</param>
    public void Add(EndedSession session)
    {
        if (_folder is null)
        {
            return;
        }

        try
        {
            var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.Write, Share = FileShare.ReadWrite };
            if (OperatingSystem.IsWindows())
            {
                _ = Directory.CreateDirectory(_folder);
            }
            else
            {
                _ = Directory.CreateDirectory(_folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            using var file = new FileStream(PathOf(session), options);
        }
        catch (Exception exception) when (IsRefusal(exception))
        {
            logger.LogWarning("A session has ended, but cannot be kept as such: after a restart its cookie is good again until it expires. {Reason}", exception.Message);
        }
    }

    /// <summary>Forgets one.</summary>
    /// <param name="session">The session.</param>
    public void Remove(EndedSession session)
    {
        if (_folder is null)
        {
            return;
        }

        try
        {
            File.Delete(PathOf(session));
        }
        catch (Exception exception) when (IsRefusal(exception))
        {
            // It is gone with its folder, or stays; it means nothing any more.
        }
    }

    private static bool IsRefusal(Exception exception) => exception is IOException or UnauthorizedAccessException;

    private static EndedSession? Parse(string path)
    {
        string[] parts = Path.GetFileName(path).Split('.');
        return parts.Length == 2
            && Guid.TryParseExact(parts[0], "N", out Guid id)
            && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out long until)
            && until <= DateTimeOffset.MaxValue.ToUnixTimeSeconds()
            ? new EndedSession(id, DateTimeOffset.FromUnixTimeSeconds(until))
            : null;
    }

    private string PathOf(EndedSession session) =>
        Path.Combine(_folder!, string.Create(CultureInfo.InvariantCulture, $"{session.Id:N}.{session.Until.ToUnixTimeSeconds()}"));
}
