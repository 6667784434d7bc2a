using System.Globalization;
using Hyperpatch.Web.Components.Machines;
using Hyperpatch.Web.Components.Shared;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Views;
using Hyperpatch.Web.Security;
using Hyperpatch.Web.Texts;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace Hyperpatch.Web.Components.Pages;

/// <summary>Makes a machine with a guest of the catalogue. What cannot be used is said beside its field, in the engine's own words.</summary>
public sealed partial class NewMachinePage : SessionPage
{
    private static readonly string[] s_fields = ["name", "guest", "vendor", "accelerator", "deterministic", "policy", "processors", "memoryMiB", "commandLine", .. ImageForm.Fields];

    // In the order of the page.
    private static readonly string[] s_inputs = [.. ImageForm.Fields, "name", "processors", "memoryMiB", "accelerator", "deterministic", "policy", "commandLine"];
    private readonly Form _form = new();
    private readonly ImageForm _image = new();
    private readonly Dictionary<string, ElementReference> _inputs = [];
    private GuestView _guest = GuestViews.All[0];
    private IReadOnlyDictionary<string, string[]> _errors = new Dictionary<string, string[]>();
    private string _acceleratorHelp = "";
    private string? _error;
    private bool _busy;
    private bool _mayMoveFocus;

    /// <summary>The host's back ends.</summary>
    [Inject]
    public required AcceleratorSet Accelerators { get; init; }

    /// <summary>For going to the new machine.</summary>
    [Inject]
    public required NavigationManager Navigation { get; init; }

    /// <summary>The guest that is chosen at first.</summary>
    [SupplyParameterFromQuery]
    public string? Guest { get; set; }

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync()
    {
        await IdentifyAsync();

        Choose(GuestViews.All.Append(GuestViews.Image).FirstOrDefault(guest => guest.Name == Guest) ?? GuestViews.All[0]);
        _acceleratorHelp = Accelerators.Select() switch
        {
            UnavailableAccelerator none => none.Check().Reason,
            var found => Phrase.Of(PageTexts.AutoTakes, found.Name),
        };
    }

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!_mayMoveFocus || _busy)
        {
            return;
        }

        // To the first mistake as the page is read: who cannot see the form learns of it, and can mend it at once.
        _mayMoveFocus = false;
        if (s_inputs.FirstOrDefault(_errors.ContainsKey) is { } field && _inputs.TryGetValue(field, out ElementReference input))
        {
            try
            {
                await input.FocusAsync();
            }
            catch (Exception exception) when (BrowserLoss.Is(exception) || exception is JSException)
            {
                // Left meanwhile. The message beside the field is there all the same.
            }
        }
    }

    private string? Invalid(string field) => _errors.ContainsKey(field) ? "true" : null;

    private void Choose(GuestView guest)
    {
        _guest = guest;
        _form.Processors = guest.DefaultProcessors.ToString(CultureInfo.InvariantCulture);
        _form.MemoryMiB = Math.Max(Form.DefaultMemoryMiB, guest.MinimumMemoryMiB).ToString(CultureInfo.InvariantCulture);
        _form.CommandLine = "";
        _errors = new Dictionary<string, string[]>();
    }

    private async Task CreateAsync()
    {
        _error = null;
        if (!MayChange)
        {
            // A viewer's browser can send the form all the same: its file is not even fetched.
            _error = Permissions.ViewersWatch;
            return;
        }

        bool isImage = _guest == GuestViews.Image;
        Dictionary<string, string[]> unreadable = [];
        CreateMachineRequest request = new()
        {
            Name = _form.Name,
            Guest = isImage ? null : _guest.Name,
            Format = isImage ? _image.Format : null,
            Mode = isImage ? _image.Mode : null,
            LoadAddress = isImage ? _image.LoadAddress : null,
            EntryAddress = isImage ? _image.EntryAddress : null,
            Vendor = _form.Vendor,
            Accelerator = _form.Accelerator,
            Deterministic = _form.Deterministic,
            Policy = _form.Policy,
            Processors = Number("processors", _form.Processors, unreadable),
            MemoryMiB = Number("memoryMiB", _form.MemoryMiB, unreadable),
            CommandLine = _form.CommandLine,
            Start = _form.Start,
        };
        _busy = true;
        UploadedImage? image = isImage ? await _image.ReadAsync(unreadable) : null;
        _busy = false;
        _errors = unreadable;
        if (unreadable.Count > 0)
        {
            _mayMoveFocus = true;
            return;
        }

        _busy = true;
        CommandResult<ManagedMachine> result = await Commands.CreateAsync(User, request, image);
        _busy = false;
        if (result.Succeeded(out ManagedMachine? machine, out CommandError? error))
        {
            Navigation.NavigateTo(new MachineLink(machine.Id).ToString());
            return;
        }

        _errors = error.Fields;
        _mayMoveFocus = true;

        // What belongs to no field of the form is said above it.
        _error = error.Fields.Keys.Any(s_fields.Contains) ? null : error.Message;
    }

    // Null (the default) where nothing is given; whether a number is allowed is the engine's to say.
    private static int? Number(string field, string? text, Dictionary<string, string[]> errors)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return null;
        }

        if (int.TryParse(text.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number))
        {
            return number;
        }

        errors[field] = [PageTexts.AWholeNumberIsNeeded];
        return null;
    }

    private sealed class Form
    {
        public const int DefaultMemoryMiB = 64;

        public string? Name { get; set; }

        public string Vendor { get; set; } = "intel";

        public string Accelerator { get; set; } = "auto";

        public bool Deterministic { get; set; }

        public string Policy { get; set; } = "force";

        public string? Processors { get; set; }

        public string? MemoryMiB { get; set; }

        public string? CommandLine { get; set; }

        public bool Start { get; set; } = true;
    }
}
