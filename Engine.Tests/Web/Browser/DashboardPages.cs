using Hyperpatch.Web.Components.Machines;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>Every page, and every pane of a machine's page, however many there come to be.</summary>
internal static class DashboardPages
{
    /// <summary>Name, address and the data-testid of what is there once it has come up.</summary>
    /// <param name="machine">The machine whose page is meant.</param>
    public static IEnumerable<(string Name, string Path, string Landmark)> All(string machine) =>
    [
        ("machines", "/", "machine-card"),
        ("new", "/new", "create"),
        ("new-image", "/new?guest=image", "image-fields"),
        ("editor", "/editor", "assembler"),
        ("editor-race", "/editor?example=race", "assembler"),
        ("host", "/host", "accelerator-software"),
        .. MachinePane.All.Select(pane => (pane.Id, $"/machines/{machine}?pane={pane.Id}", $"pane-{pane.Id}")),
        ("present", $"/machines/{machine}?present=1", "presenter"),
        ("site", $"/machines/{machine}?pane=sites&site=1", "site-panel"),
        ("memory-at-site", $"/machines/{machine}?pane=memory&address=%231", "memory-walk"),
        ("exits-filtered", $"/machines/{machine}?pane=exits&reason=Hypercall&vcpu=0&range=15m", "filter-clear"),
        ("exits-refused", $"/machines/{machine}?pane=exits&port=here", "filter-error"),
        ("unknown-site", $"/machines/{machine}?pane=sites&site=9999", "site-panel"),
    ];
}
