using System.Globalization;
using Hyperpatch.Web.Components.Machines;
using Hyperpatch.Web.Components.Shared;
using Hyperpatch.Web.Export;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Assembling;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Security;
using Hyperpatch.Web.Texts;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace Hyperpatch.Web.Components.Pages;

/// <summary>A small program, written in the page, assembled by the host's assembler and run as a guest.</summary>
public sealed partial class EditorPage : SessionPage
{
    private const int FewestLines = 16;

    private string _example = EditorExample.All[0].Name;
    private string _source = "";
    private string _syntax = "intel";
    private string _vendor = "intel";
    private string _policy = "force";
    private string? _processors = "1";
    private int _lines = FewestLines;
    private AssemblerAvailability? _assembler;
    private AssemblyView? _view;
    private IReadOnlyList<AssemblyError> _mistakes = [];
    private Dictionary<int, string> _byLine = [];
    private IReadOnlyDictionary<string, string[]> _errors = new Dictionary<string, string[]>();
    private ElementReference _text;
    private string? _error;
    private bool _busy;
    private bool _mayMoveFocus;

    // Nothing in it before the first file.
    private FileSaver? _saver;

    // What a person had written when an example took its place.
    private (string Source, string Syntax)? _replaced;

    /// <summary>The host's assembler.</summary>
    [Inject]
    public required GnuAssembler Assembler { get; init; }

    /// <summary>The browser.</summary>
    [Inject]
    public required IJSRuntime Browser { get; init; }

    /// <summary>For going to the new machine.</summary>
    [Inject]
    public required NavigationManager Navigation { get; init; }

    /// <summary>The example that is shown at first.</summary>
    [SupplyParameterFromQuery]
    public string? Example { get; set; }

    private bool CanAssemble => MayChange && !_busy && _assembler is { IsAvailable: true };

    private string? WhyNot => !MayChange ? Permissions.ViewersWatch : _assembler is { IsAvailable: false } none ? none.Text : null;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_saver is not null)
        {
            await _saver.DisposeAsync();
        }
    }

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync()
    {
        Show(EditorExample.Find(Example) ?? EditorExample.All[0]);
        await IdentifyAsync();

        _assembler = await Assembler.CheckAsync();
    }

    /// <inheritdoc/>
    protected override void OnParametersSet()
    {
        if (EditorExample.Find(Example) is { } wanted && wanted.Name != _example)
        {
            Show(wanted);
        }
    }

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!_mayMoveFocus)
        {
            return;
        }

        _mayMoveFocus = false;
        try
        {
            await _text.FocusAsync();
        }
        catch (Exception exception) when (BrowserLoss.Is(exception) || exception is JSException)
        {
            // Left meanwhile.
        }
    }

    // The address says which example it is, so that a link shares it.
    private void Choose(ChangeEventArgs change) =>
        Navigation.NavigateTo(Navigation.GetUriWithQueryParameter("example", change.Value as string), replace: true);

    private void Show(EditorExample example)
    {
        KeepWhatWasTyped();
        _example = example.Name;
        _source = example.Source;
        _processors = example.Processors.ToString(CultureInfo.InvariantCulture);
        _syntax = "intel";
        _view = null;
        Mark([]);
        Count();
    }

    private void KeepWhatWasTyped()
    {
        if (!string.IsNullOrWhiteSpace(_source) && EditorExample.All.All(known => known.Source != _source))
        {
            _replaced = (_source, _syntax);
        }
    }

    private void BringBack()
    {
        if (_replaced is not { } typed)
        {
            return;
        }

        _replaced = null;
        KeepWhatWasTyped();
        (_source, _syntax) = typed;
        _view = null;
        Mark([]);
        Count();
    }

    private void Count() => _lines = Math.Max(FewestLines, _source.AsSpan().Count('\n') + 2);

    private void Mark(IReadOnlyList<AssemblyError> mistakes)
    {
        _mistakes = mistakes;
        _byLine = mistakes.Where(mistake => mistake.Line is not null)
            .GroupBy(mistake => mistake.Line!.Value)
            .ToDictionary(group => group.Key, group => string.Join("; ", group.Select(mistake => mistake.Message)));
        _mayMoveFocus = mistakes.Count > 0;
    }

    private async Task SaveListingAsync(ExportFormat format)
    {
        if (_view is { Errors.Count: 0 } view)
        {
            using MemoryStream file = new();
            await TableExport.WriteAsync(file, format, "", 0, AssemblyTables.Listing(view), CancellationToken.None);
            file.Position = 0;
            await (_saver ??= new FileSaver(Browser)).SaveAsync(ExportFormats.FileName("listing", format), ExportFormats.ContentType(format), file);
        }
    }

    private async Task AssembleAsync()
    {
        _error = null;
        _errors = new Dictionary<string, string[]>();
        _busy = true;
        CommandResult<AssemblyView> result = await Commands.AssembleAsync(User, new AssembleRequest { Source = _source, Syntax = _syntax });
        _busy = false;
        if (result.Succeeded(out _view, out CommandError? error))
        {
            Mark(_view.Errors);
            return;
        }

        Mark([]);
        _error = error.Message;
    }

    private async Task RunAsync()
    {
        if (!CanAssemble)
        {
            return;
        }

        // First for its mistakes with their lines; a machine is made of a good program alone.
        await AssembleAsync();
        if (_view is not { Errors.Count: 0 })
        {
            return;
        }

        if (!int.TryParse(_processors, NumberStyles.None, CultureInfo.InvariantCulture, out int processors))
        {
            _errors = new Dictionary<string, string[]> { ["processors"] = [PageTexts.AWholeNumberIsNeeded] };
            return;
        }

        _busy = true;
        CommandResult<ManagedMachine> result = await Commands.CreateAsync(User, new CreateMachineRequest
        {
            Source = _source,
            Syntax = _syntax,
            Name = EditorExample.Find(_example) is { } example && example.Source == _source ? $"editor: {example.Name}" : null,
            Vendor = _vendor,
            Policy = _policy,
            Processors = processors,
            Start = true,
        });
        _busy = false;
        if (result.Succeeded(out ManagedMachine? machine, out CommandError? error))
        {
            Navigation.NavigateTo(new MachineLink(machine.Id) { Pane = "exits" }.ToString());
            return;
        }

        _errors = error.Fields;
        _error = error.Fields.ContainsKey("processors") ? null : error.Message;
    }
}
