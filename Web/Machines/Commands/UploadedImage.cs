using Hyperpatch.Engine.Guests.Loading;

namespace Hyperpatch.Web.Machines.Commands;

/// <summary>An image file that somebody brings along.</summary>
/// <param name="Name">Its name, without folders.</param>
/// <param name="Content">Its bytes, at most <see cref="ImageGuest.MaximumBytes"/>.</param>
public sealed record UploadedImage(string Name, ReadOnlyMemory<byte> Content)
{
    /// <summary>What is told where a file is too long.</summary>
    public static string TooLong { get; } = $"The image file has more than {ImageGuest.MaximumBytes >> 20} MiB, which is the most.";

    // A machine's name may have 64 characters; a file's may have anything in it.
    private const int LongestName = 60;

    /// <summary>The name that is shown of a file's name as the client gives it.</summary>
    public static string PlainName(string? fileName)
    {
        string last = (fileName ?? "").Split('/', '\\')[^1];
        string plain = new([.. last.Where(c => !char.IsControl(c) && !char.IsSurrogate(c)).Take(LongestName)]);
        return string.IsNullOrWhiteSpace(plain) ? "image" : plain.Trim();
    }
}
