using Hyperpatch.Engine.Guests.Loading;
using Hyperpatch.Web.Components.Shared;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Texts;
using Microsoft.AspNetCore.Components.Forms;
using Microsoft.JSInterop;

namespace Hyperpatch.Web.Components.Machines;

/// <summary>An image file in a form, and what is said about it.</summary>
public sealed class ImageForm
{
    /// <summary>Names of the fields as in the API, in the order of the page.</summary>
    public static IReadOnlyList<string> Fields { get; } = ["image", "format", "mode", "loadAddress", "entryAddress"];

    /// <summary>The file that was chosen, or null.</summary>
    public IBrowserFile? File { get; set; }

    /// <summary>Its name as shown, or null.</summary>
    public string? FileName => File is null ? null : UploadedImage.PlainName(File.Name);

    /// <summary>Its form.</summary>
    public string Format { get; set; } = ImageWords.Auto;

    /// <summary>Flat: the mode.</summary>
    public string Mode { get; set; } = ImageWords.Auto;

    /// <summary>Flat: the load address.</summary>
    public string? LoadAddress { get; set; }

    /// <summary>Flat: the entry address.</summary>
    public string? EntryAddress { get; set; }

    /// <summary>Fetches the file from the browser.</summary>
    /// <param name="errors">Receives why not, for the field <c>image</c>.</param>
    /// <returns>The file, or null where there is an error.</returns>
    public async Task<UploadedImage?> ReadAsync(Dictionary<string, string[]> errors)
    {
        ArgumentNullException.ThrowIfNull(errors);
        if (File is null)
        {
            errors["image"] = [MachineTexts.ChooseAnImageFile];
            return null;
        }

        if (File.Size > ImageGuest.MaximumBytes)
        {
            errors["image"] = [UploadedImage.TooLong];
            return null;
        }

        try
        {
            await using Stream stream = File.OpenReadStream(ImageGuest.MaximumBytes);
            using var content = new MemoryStream();
            await stream.CopyToAsync(content);
            return new UploadedImage(UploadedImage.PlainName(File.Name), content.ToArray());
        }
        catch (Exception exception) when (exception is IOException or JSException or TimeoutException or OperationCanceledException or InvalidOperationException || BrowserLoss.Is(exception))
        {
            errors["image"] = [MachineTexts.TheFileCouldNotBeRead];
            return null;
        }
    }
}
