using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;

namespace Hyperpatch.Web.Components.Layout;

/// <summary>What is around every page.</summary>
public sealed partial class MainLayout : LayoutComponentBase
{
    private ErrorBoundary? _boundary;

    /// <inheritdoc/>
    protected override void OnParametersSet() => _boundary?.Recover();

    private void Recover() => _boundary?.Recover();
}
