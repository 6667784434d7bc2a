using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Loading;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Machines.Assembling;

namespace Hyperpatch.Web.Machines.Commands;

/// <summary>Finds what a machine is to run: a guest of the catalogue, a source to assemble, or the image file that came with the request.</summary>
/// <param name="assembler">The host's assembler.</param>
public sealed class GuestChoice(GnuAssembler assembler)
{
    private const string SourceName = "program";

    /// <summary>Finds it.</summary>
    /// <param name="request">What was asked for.</param>
    /// <param name="image">The image file, or null.</param>
    /// <returns>The guest, or what is wrong by field.</returns>
    public async Task<CommandResult<MachineGuest>> FindAsync(CreateMachineRequest request, UploadedImage? image)
    {
        ArgumentNullException.ThrowIfNull(request);
        return image is not null ? FromImage(request, image)
            : request.Source is not null ? await FromSourceAsync(request)
            : FromCatalogue(request);
    }

    /// <summary>Assembles a source and lists what became of it.</summary>
    public async Task<CommandResult<AssemblyView>> AssembleAsync(AssembleRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        CommandResult<AssembledGuest> result = await AssembleAsync(request.Source, request.Syntax, SourceName);
        return !result.Succeeded(out AssembledGuest? assembled, out CommandError? error) ? error
            : assembled.Guest is null ? new AssemblyView(null, null, "", [], assembled.Errors)
            : AssemblyListing.Of(assembled.Guest);
    }

    private async Task<CommandResult<MachineGuest>> FromSourceAsync(CreateMachineRequest request)
    {
        Dictionary<string, string[]> errors = [];
        RefuseImageFields(request, errors);
        if (!string.IsNullOrEmpty(request.Guest))
        {
            errors["guest"] = ["Give a guest of the catalogue or a source, not both."];
        }

        if (errors.Count > 0)
        {
            return CommandError.Invalid(errors);
        }

        CommandResult<AssembledGuest> result = await AssembleAsync(request.Source, request.Syntax, SourceName);
        return !result.Succeeded(out AssembledGuest? assembled, out CommandError? error) ? error
            : assembled.Guest is { } guest ? guest
            : CommandError.Invalid(new Dictionary<string, string[]>
            {
                ["source"] = [.. assembled.Errors.Select(mistake => mistake.Line is { } line ? $"Line {line}: {mistake.Message}" : mistake.Message)],
            });
    }

    private async Task<CommandResult<AssembledGuest>> AssembleAsync(string? source, string? word, string name)
    {
        AssemblySyntax syntax = AssemblySyntax.Intel;
        if (!string.IsNullOrEmpty(word) && !Words.TryParse(word, out syntax))
        {
            return CommandError.Invalid("syntax", PlainNames.NotAllowed("syntax", word, Words.Lower<AssemblySyntax>()));
        }

        AssemblerAvailability availability = await assembler.CheckAsync();
        if (!availability.IsAvailable)
        {
            return new CommandError(CommandErrorKind.Unavailable, availability.Text);
        }

        try
        {
            AssemblyOutcome outcome = await assembler.AssembleAsync(source ?? "", syntax);
            return new AssembledGuest(outcome.Program is { } program ? ImageGuest.Read(name, program) : null, outcome.Errors);
        }
        catch (GuestImageException exception)
        {
            return new AssembledGuest(null, [new AssemblyError(null, exception.Message)]);
        }
        catch (AssemblerBusyException exception)
        {
            return new CommandError(CommandErrorKind.Busy, exception.Message);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new CommandError(CommandErrorKind.Unavailable, $"The assembler's folder in {Path.GetTempPath()} cannot be used: {exception.Message}");
        }
    }

    private static CommandResult<MachineGuest> FromCatalogue(CreateMachineRequest request)
    {
        Dictionary<string, string[]> errors = [];
        RefuseImageFields(request, errors);
        RefuseSyntax(request, errors);
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

        if (request.Source is not null)
        {
            errors["source"] = ["Give a source or an image file, not both."];
        }

        RefuseSyntax(request, errors);

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

    private static void RefuseSyntax(CreateMachineRequest request, Dictionary<string, string[]> errors)
    {
        if (!string.IsNullOrEmpty(request.Syntax))
        {
            errors["syntax"] = ["Field \"syntax\" is for a source."];
        }
    }

    private static void RefuseImageFields(CreateMachineRequest request, Dictionary<string, string[]> errors)
    {
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
    }

    private sealed record AssembledGuest(ImageGuest? Guest, IReadOnlyList<AssemblyError> Errors);
}
