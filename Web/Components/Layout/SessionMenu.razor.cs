using Hyperpatch.Web.Configuration;
using Microsoft.AspNetCore.Components;

namespace Hyperpatch.Web.Components.Layout;

/// <summary>Who is logged in, and the way out.</summary>
public sealed partial class SessionMenu : ComponentBase
{
    private bool _canLogOut;

    /// <summary>Who may use the dashboard.</summary>
    [Inject]
    public required SecurityOptions Security { get; init; }

    /// <inheritdoc/>
    protected override void OnInitialized() => _canLogOut = Security.Mode == SecurityMode.Token;
}
