using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Loading;

namespace Hyperpatch.Web.Machines.Commands;

/// <summary>Finds what a machine is to run: a guest of the catalogue, or the image file that came with the request.</summary>
public sealed class GuestChoice
{
    /// <summary>Finds it.</summary>
    /// <param name="request">What was asked for.</param>
    /// <param name="image">The image file, or null.</param>
    /// <returns>The guest, or what is wrong by field.</returns>
    public Task<CommandResult<MachineGuest>> FindAsync(CreateMachineRequest request, UploadedImage? image)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Task.FromResult(image is null ? FromCatalogue(request) : FromImage(request, image));
    }

    private static CommandResult<MachineGuest> FromCatalogue(CreateMachineRequest request)
    {
        Dictionary<string, string[]> errors = [];
        foreach ((string field, string? value) in new[]
        {
            ("format", request.Format), ("mode", request.Mode), ("loadAddress", request.LoadAddress), ("entryAddress", request.EntryAddress),
        })
        {
            if (!string.IsNullOrEmpty(value))
            {
                errors[field] = [$"Field \"{field}\" is for image files (multipart/form-data with a file \"image\")."];
            }
        }

        if (!GuestCatalogue.TryGet(request.Guest, out BuiltInGuest? guest))
        {
            errors["guest"] = [PlainNames.NotAllowed("guest", request.Guest, GuestCatalogue.All.Select(known => known.Name))];
        }

        return errors.Count > 0 || guest is null ? CommandError.Invalid(errors) : guest;
    }

    private static CommandResult<MachineGuest> FromImage(CreateMachineRequest request, UploadedImage image)
    {
        Dictionary<string, string[]> errors = [];
        ImageSettings settings = ImageWords.Parse(errors, request.Format, request.Mode, request.LoadAddress, request.EntryAddress);
        if (!string.IsNullOrEmpty(request.Guest))
        {
            errors["guest"] = ["Give a guest of the catalogue or an image file, not both."];
        }

        if (errors.Count > 0)
        {
            return CommandError.Invalid(errors);
        }

        try
        {
            return ImageGuest.Read(image.Name, image.Content, settings);
        }
        catch (GuestImageException exception)
        {
            return CommandError.Invalid(exception.Field, exception.Message);
        }
    }
}
