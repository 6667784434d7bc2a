using System.Globalization;
using System.Text.Json;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Components.Live;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Texts;
using Microsoft.AspNetCore.Components;

namespace Hyperpatch.Web.Components.Machines.Panes;

/// <summary>
/// Chart and table of exits. Without a filter the table lives on the frames; with one it asks the journal, because among thousands of
/// port accesses a frame has no room for the one exit that is looked for.
/// </summary>
public sealed partial class ExitsPane : ComponentBase, IAsyncDisposable
{
    // As many as the browser gets at once: some hundred kilobytes.
    private const int Most = 1000;
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(400);

    private readonly Dictionary<string, string[]> _errors = [];
    private readonly Following _following = new();
    private bool _frozen;
    private (ExitFilter, ManagedMachine?, MachineScript?) _shown;

    /// <summary>For filters in the address.</summary>
    [Inject]
    public required NavigationManager Navigation { get; init; }

    /// <summary>The machine.</summary>
    [Parameter, EditorRequired]
    public ManagedMachine Machine { get; set; } = default!;

    /// <summary>The browser's side, once it is there.</summary>
    [Parameter]
    public MachineScript? Script { get; set; }

    /// <summary>Only this reason, or null.</summary>
    [Parameter]
    public string? Reason { get; set; }

    /// <summary>Only this processor, or null.</summary>
    [Parameter]
    public int? Processor { get; set; }

    private ExitFilter Filter { get; set; }

    private ChartRange ShownRange { get; set; } = ChartRange.All[0];

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _following.Dispose();
        if (Script is not null)
        {
            await Script.SetExitsAsync("[]"u8.ToArray(), null);
            if (_frozen)
            {
                await Script.FreezeAsync(false);
            }
        }
    }

    /// <inheritdoc/>
    protected override void OnParametersSet()
    {
        _errors.Clear();
        // Reason and processor are the page's: it has said already what of them it did not understand.
        Filter = ExitFilterQuery.Parse(name => name is "reason" or "processor" ? null : PaneQuery.Value(Navigation, name), 0, _errors) with { Reason = MachineReason(Reason), Processor = Processor };
        string? range = PaneQuery.Value(Navigation, "range");
        ShownRange = ChartRange.Find(range) ?? ChartRange.All[0];
        if (!string.IsNullOrWhiteSpace(range) && ChartRange.Find(range) is null)
        {
            _errors["range"] = [Phrase.Of(PaneTexts.AChartShows, string.Join(", ", ChartRange.All.Select(one => one.Id)))];
        }
    }

    /// <inheritdoc/>
    protected override void OnAfterRender(bool firstRender)
    {
        if (Script is not { } script || _shown == (Filter, Machine, script))
        {
            return;
        }

        ExitFilter filter = Filter;
        _shown = (filter, Machine, script);
        _following.Begin(ended => FollowAsync(script, filter, ended));
    }

    private static int? Number(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;

    private static ExitReason? MachineReason(string? text) => Words.TryParse(text, out ExitReason reason) ? reason : null;

    private static byte[] Encode(IReadOnlyList<ExitEvent> exits) => JsonSerializer.SerializeToUtf8Bytes(exits, JsonSerializerOptions.Web);

    private async Task FollowAsync(MachineScript script, ExitFilter filter, CancellationToken cancellation)
    {
        long position = filter.IsEmpty ? Math.Max(0, Machine.Machine.Journal.LastSequence - Most) : 0;
        IReadOnlyList<ExitEvent> exits = Machine.Latest(ref position, Most, filter);
        await script.SetExitsAsync(Encode(exits), filter.IsEmpty ? null : string.Join('&', ExitFilterQuery.Write(filter).Select(pair => pair.Value)));
        if (filter.IsEmpty)
        {
            return;
        }

        try
        {
            using PeriodicTimer timer = new(s_interval);
            while (await timer.WaitForNextTickAsync(cancellation))
            {
                // The end may have been told behind the tick.
                cancellation.ThrowIfCancellationRequested();
                exits = Machine.Latest(ref position, Most, filter);
                if (exits.Count > 0)
                {
                    await script.AddExitsAsync(Encode(exits));
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Another filter, another pane, or nobody there any more.
        }
    }

    private async Task FreezeAsync()
    {
        _frozen = !_frozen;
        if (Script is not null)
        {
            await Script.FreezeAsync(_frozen);
        }
    }

    private string Link(ChartRange range, ExitFilter filter) => Link(range, [.. ExitFilterQuery.Write(filter)]);

    private string Link(ChartRange range, IReadOnlyList<KeyValuePair<string, string?>> filter) => new MachineLink(Machine.Id)
    {
        Pane = "exits",
        Reason = filter.First(pair => pair.Key == "reason").Value,
        Processor = Number(filter.First(pair => pair.Key == "processor").Value),
        More = [new("range", range == ChartRange.All[0] ? null : range.Id), .. filter.Where(pair => pair.Key is not ("reason" or "processor"))],
    }.ToString();

    private void Go(ExitFilter filter) => Navigation.NavigateTo(Link(ShownRange, filter), replace: true);

    // As typed: the address is read again, and says what is wrong with it.
    private void Go(string name, string? text) => Navigation.NavigateTo(
        Link(ShownRange, [.. ExitFilterQuery.Write(Filter).Select(pair => pair.Key == name ? new(name, text?.Trim()) : pair)]), replace: true);
}
