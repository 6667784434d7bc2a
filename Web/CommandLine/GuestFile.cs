using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Loading;
using Hyperpatch.Web.Machines.Commands;

namespace Hyperpatch.Web.CommandLine;

/// <summary>Finds what <c>run</c> names: a guest of the catalogue, else an image file.</summary>
internal static class GuestFile
{
    /// <summary>Finds it.</summary>
    /// <param name="word">As typed.</param>
    /// <param name="settings">What is said about an image file.</param>
    /// <exception cref="GuestImageException">There is no such guest or file, or the file cannot be loaded.</exception>
    public static MachineGuest Find(string word, ImageSettings settings)
    {
        bool isPlain = settings == new ImageSettings();
        if (GuestCatalogue.TryGet(word, out BuiltInGuest? guest))
        {
            return isPlain ? guest
                : throw new GuestImageException($"The options --format, --mode, --load-address and --entry-address are for image files; {guest.Name} is a guest of the catalogue.");
        }

        try
        {
            using FileStream file = new(word, FileMode.Open, FileAccess.Read, FileShare.Read);

            // A device or a pipe has no length to be trusted: one byte more than is allowed shows that it is too long.
            byte[] content = new byte[Math.Min(file.CanSeek ? file.Length : ImageGuest.MaximumBytes, ImageGuest.MaximumBytes) + 1];
            int length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            return length > ImageGuest.MaximumBytes
                ? throw new GuestImageException(UploadedImage.TooLong)
                : ImageGuest.Read(UploadedImage.PlainName(word), content.AsMemory(0, length), settings);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new GuestImageException($"There is no guest and no image file \"{word}\"; guests are: {string.Join(", ", GuestCatalogue.All.Select(known => known.Name))}.", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new GuestImageException($"The image file \"{word}\" cannot be read: {exception.Message}", exception);
        }
    }
}
