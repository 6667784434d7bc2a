using System.Globalization;
using System.Security.Claims;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Machine.PausePoints;
using Hyperpatch.Web.Components.Live;
using Hyperpatch.Web.Components.Shared;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Inspection;
using Hyperpatch.Web.Texts;
using Microsoft.AspNetCore.Components;

namespace Hyperpatch.Web.Components.Machines.Panes;

/// <summary>Memory, disassembly and the page walk at an address of the guest; looked at again about once a second.</summary>
public sealed partial class MemoryPane : RefreshingComponent
{
    private const int Length = 256;
    private const int Count = 24;
    private string? _typed;
    private string? _shownFor;
    private string? _error;
    private string? _rip;
    private ulong _address;
    private MemoryView? _view;
    private DisassemblyView? _code;
    private TranslationView? _walk;
    private IReadOnlyList<HexLine> _lines = [];
    private Dictionary<string, int> _points = [];
    private string? _pointError;

    /// <summary>The machine.</summary>
    [Parameter, EditorRequired]
    public ManagedMachine Machine { get; set; } = default!;

    /// <summary>The address as in the page's own address; null: rip.</summary>
    [Parameter]
    public string? Address { get; set; }

    /// <summary>What it means.</summary>
    [Parameter]
    public AddressSpace Space { get; set; }

    /// <summary>The processor through whose eyes.</summary>
    [Parameter]
    public int Processor { get; set; }

    /// <summary>Who looks.</summary>
    [Parameter, EditorRequired]
    public ClaimsPrincipal User { get; set; } = default!;

    /// <summary>Whether the person may change things.</summary>
    [Parameter]
    public bool MayChange { get; set; }

    /// <summary>For going elsewhere.</summary>
    [Inject]
    public required NavigationManager Navigation { get; init; }

    /// <inheritdoc/>
    protected override void OnParametersSet()
    {
        string wanted = $"{Address}/{Space}/{Processor}";
        if (_shownFor != wanted)
        {
            _shownFor = wanted;
            _typed = Address ?? "rip";
            _view = null;
        }

        Refresh();
    }

    /// <inheritdoc/>
    protected override void Refresh()
    {
        MachineInspector inspector = new(Machine.Machine, Processor);
        _points = PointsOf(Machine.Machine.PausePoints);
        _error = null;
        if (Space == AddressSpace.Virtual && !inspector.HasRun)
        {
            _error = Phrase.Of(PaneTexts.ProcessorHasNotRunYet, Processor);
        }
        else if (!inspector.TryParse(Address ?? "rip", Space, out ulong address, out string reason))
        {
            _error = reason;
        }
        else
        {
            MemoryView? before = _address == address ? _view : null;
            _address = address;
            _view = inspector.Memory(address, Length, Space);
            _code = inspector.Disassemble(address, Count, Space);
            _walk = Space == AddressSpace.Virtual ? inspector.Translate(address) : null;
            _rip = Space == AddressSpace.Virtual && inspector.TryParse("rip", Space, out ulong rip, out _) ? ExitEvents.Hex(rip) : null;
            _lines = HexLine.Of(address, _view, before);
            return;
        }

        _view = null;
        _code = null;
        _walk = null;
    }

    private void Go(AddressSpace space, int processor) => Navigation.NavigateTo(MachineLink.ToMemory(Machine.Id, _typed, space, processor).ToString());

    // Several may be at one address, for a processor each: the first is the one that is shown.
    private static Dictionary<string, int> PointsOf(IEnumerable<PausePoint> points) => points
        .Where(point => point.Options.Kind == PausePointKind.Address)
        .GroupBy(point => ExitEvents.Hex(point.Options.Address))
        .ToDictionary(group => group.Key, group => group.First().Id);

    private int? PointAt(string address) => _points.TryGetValue(address, out int id) ? id : null;

    private void ShowPoints(string? error)
    {
        _pointError = error;
        Refresh();
    }

    // The place that is shown, and not the word that leads there: a register may have moved on.
    private string File(string table, params IEnumerable<KeyValuePair<string, string?>> amount) => ExportLink.To(
        Machine.Id, table, [new("address", Hex(_address)), new("space", Space == AddressSpace.Virtual ? null : Space.Name()), new("processor", Text(Processor)), .. amount]);

    private string Link(ulong address) => MachineLink.ToMemory(Machine.Id, Hex(address), Space, Processor).ToString();

    private static string Hex(ulong address) => "0x" + address.ToString("x", CultureInfo.InvariantCulture);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
