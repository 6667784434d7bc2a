using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;

namespace Hyperpatch.Web.Security;

/// <summary>Who looks at a page. Looks every few seconds whether they have logged out in another tab; then the page goes to the log-in.</summary>
internal sealed class SessionStateProvider(ILoggerFactory logger, SessionRegistry sessions, NavigationManager navigation)
    : RevalidatingServerAuthenticationStateProvider(logger)
{
    /// <inheritdoc/>
    protected override TimeSpan RevalidationInterval => TimeSpan.FromSeconds(3);

    /// <inheritdoc/>
    protected override Task<bool> ValidateAuthenticationStateAsync(AuthenticationState authenticationState, CancellationToken cancellationToken)
    {
        bool over = sessions.IsOver(authenticationState.User);
        if (over)
        {
            // A whole new document: it ends this circuit, and with it what the page still streams.
            navigation.NavigateTo("/login", forceLoad: true);
        }

        return Task.FromResult(!over);
    }
}
