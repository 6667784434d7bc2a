using System.Globalization;
using System.Text;
using Hyperpatch.Engine.Guests.Loading;
using Hyperpatch.Web.Machines.Assembling;
using Hyperpatch.Web.Machines.Commands;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace Hyperpatch.Web.Api;

/// <summary>
/// Reads <c>multipart/form-data</c> for a new machine as it arrives: short fields, and one file <c>image</c>, each up to its limit and not a
/// byte further. A few at a time: an image lies in memory as a whole.
/// </summary>
internal static class MultipartBody
{
    private const string ImageField = "image";
    private const int MostParts = 32;
    private const int MostHeaderBytes = 4096;
    private const int LongestField = 4096;
    private const int LongestSource = 4 * GnuAssembler.MaximumSource;
    private const int LongestBoundary = 100;
    private const int RoomForFields = 256 * 1024;

    private static readonly SemaphoreSlim s_uploads = new(4);

    /// <summary>Whether the request is one.</summary>
    public static bool Is(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? type) && type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase);

    /// <summary>The fields and the file.</summary>
    public static async Task<CommandResult<MachineForm>> ReadAsync(HttpRequest request)
    {
        string boundary = HeaderUtilities.RemoveQuotes(MediaTypeHeaderValue.Parse(request.ContentType).Boundary).ToString();
        if (boundary.Length is 0 or > LongestBoundary)
        {
            return CommandError.Invalid("body", $"The Content-Type has to name a boundary of up to {LongestBoundary} characters.");
        }

        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = ImageGuest.MaximumBytes + RoomForFields;
        }

        await s_uploads.WaitAsync(request.HttpContext.RequestAborted);
        try
        {
            return await ReadAsync(new MultipartReader(boundary, request.Body) { HeadersCountLimit = 16, HeadersLengthLimit = MostHeaderBytes }, request.HttpContext.RequestAborted);
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException and not BadHttpRequestException)
        {
            return CommandError.Invalid("body", "The body is not multipart/form-data as RFC 7578 describes it, or it is cut off.");
        }
        finally
        {
            s_uploads.Release();
        }
    }

    private static async Task<CommandResult<MachineForm>> ReadAsync(MultipartReader reader, CancellationToken cancellation)
    {
        Dictionary<string, string> fields = new(StringComparer.Ordinal);
        UploadedImage? image = null;
        for (int parts = 0; await reader.ReadNextSectionAsync(cancellation) is { } section; parts++)
        {
            if (parts == MostParts)
            {
                return CommandError.Invalid("body", $"The form has more than {MostParts} parts.");
            }

            if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out ContentDispositionHeaderValue? disposition)
                || HeaderUtilities.RemoveQuotes(disposition.Name) is not { Length: > 0 and <= 64 } nameSegment)
            {
                return CommandError.Invalid("body", "A part of the form has no name.");
            }

            string name = nameSegment.ToString();
            bool isImage = name == ImageField;
            int most = isImage ? ImageGuest.MaximumBytes : name == "source" ? LongestSource : LongestField;
            byte[]? content = await ReadPartAsync(section.Body, most, cancellation);
            if (content is null)
            {
                return isImage ? CommandError.Invalid(ImageField, UploadedImage.TooLong) : CommandError.Invalid(name, $"Field \"{name}\" has more than {most} bytes.");
            }

            bool isNew;
            if (isImage)
            {
                isNew = image is null;
                string fileName = HeaderUtilities.RemoveQuotes(disposition.FileNameStar.HasValue ? disposition.FileNameStar : disposition.FileName).ToString();
                image = new UploadedImage(UploadedImage.PlainName(fileName), content);
            }
            else
            {
                isNew = fields.TryAdd(name, Encoding.UTF8.GetString(content));
            }

            if (!isNew)
            {
                return CommandError.Invalid(name, $"Field \"{name}\" is given twice.");
            }
        }

        return Form(fields, image);
    }

    // Null: it is longer.
    private static async Task<byte[]?> ReadPartAsync(Stream body, int most, CancellationToken cancellation)
    {
        using var content = new MemoryStream();
        byte[] buffer = new byte[64 * 1024];
        int read;
        while ((read = await body.ReadAsync(buffer, cancellation)) > 0)
        {
            if (content.Length + read > most)
            {
                return null;
            }

            content.Write(buffer, 0, read);
        }

        return content.ToArray();
    }

    private static CommandResult<MachineForm> Form(Dictionary<string, string> fields, UploadedImage? image)
    {
        Dictionary<string, string[]> errors = [];
        CreateMachineRequest request = new()
        {
            Name = Text("name"),
            Guest = Text("guest"),
            Vendor = Text("vendor"),
            Accelerator = Text("accelerator"),
            Deterministic = Flag("deterministic"),
            InterceptControlRegisters = Flag("interceptControlRegisters"),
            Policy = Text("policy"),
            Processors = Number("processors"),
            MemoryMiB = Number("memoryMiB"),
            CommandLine = Text("commandLine"),
            Start = Flag("start"),
            Source = Text("source"),
            Syntax = Text("syntax"),
            Format = Text("format"),
            Mode = Text("mode"),
            LoadAddress = Text("loadAddress"),
            EntryAddress = Text("entryAddress"),
        };
        foreach (string stranger in fields.Keys)
        {
            errors[stranger] = [$"Field \"{stranger}\" is not known."];
        }

        return errors.Count > 0 ? CommandError.Invalid(errors) : new MachineForm(request, image);

        // An empty field of a form is one that nobody filled in.
        string? Text(string name) => fields.Remove(name, out string? value) && value.Length > 0 ? value : null;

        bool Flag(string name)
        {
            string? text = Text(name);
            bool value = false;
            if (text is not null && text is not "on" && !bool.TryParse(text, out value))
            {
                errors[name] = [PlainNames.NotAllowed(name, text, ["true", "false"])];
            }

            return value || text is "on";
        }

        int? Number(string name)
        {
            string? text = Text(name);
            if (text is null)
            {
                return null;
            }

            if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value))
            {
                errors[name] = [$"Field \"{name}\" has to be a whole number."];
            }

            return value;
        }
    }
}
