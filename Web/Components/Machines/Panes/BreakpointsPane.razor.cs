using System.Security.Claims;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Components.Live;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Views;
using Microsoft.AspNetCore.Components;

namespace Hyperpatch.Web.Components.Machines.Panes;

/// <summary>At what the machine pauses by itself: the list, which others change too, and a form.</summary>
public sealed partial class BreakpointsPane : RefreshingComponent
{
    private readonly PausePointForm _form = new();
    private IReadOnlyList<PausePointView> _points = [];
    private IReadOnlyDictionary<string, string[]> _errors = new Dictionary<string, string[]>();
    private string? _error;

    /// <summary>The machine.</summary>
    [Parameter, EditorRequired]
    public ManagedMachine Machine { get; set; } = default!;

    /// <summary>Who looks.</summary>
    [Parameter, EditorRequired]
    public ClaimsPrincipal User { get; set; } = default!;

    /// <summary>Whether the person may change things.</summary>
    [Parameter]
    public bool MayChange { get; set; }

    /// <summary>Why it paused by itself, or null.</summary>
    [Parameter]
    public PauseView? PausedBy { get; set; }

    /// <summary>What is done with machines.</summary>
    [Inject]
    public required MachineCommands Commands { get; init; }

    /// <inheritdoc/>
    protected override void OnParametersSet() => Refresh();

    /// <inheritdoc/>
    protected override void Refresh() => _points = Commands.PausePoints(User, Machine.Id).Value ?? [];

    private async Task AddAsync()
    {
        Forget();
        if (_form.ToRequest(Machine.Machine).Succeeded(out PausePointRequest? request, out CommandError? error)
            && (await Commands.AddPausePointAsync(User, Machine.Id, request)).Succeeded(out PausePointView? _, out error))
        {
            Refresh();
            return;
        }

        _errors = error.Fields;
        _error = error.Fields.Count == 0 ? error.Message : null;
    }

    private async Task RemoveAsync(int point)
    {
        _error = (await Commands.RemovePausePointAsync(User, Machine.Id, point)).Error?.Message;
        Refresh();
    }

    private void Forget()
    {
        _errors = new Dictionary<string, string[]>();
        _error = null;
    }

    private string? Invalid(string field) => _errors.ContainsKey(field) ? "true" : null;
}
