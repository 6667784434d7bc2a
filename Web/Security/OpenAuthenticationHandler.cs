using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Hyperpatch.Web.Security;

/// <summary>Security:Mode None: everybody is an operator. Only ever in use on loopback.</summary>
internal sealed class OpenAuthenticationHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options,
    ILoggerFactory logger,
    UrlEncoder encoder) : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    /// <inheritdoc/>
    protected override Task<AuthenticateResult> HandleAuthenticateAsync() =>
        Task.FromResult(AuthenticateResult.Success(new AuthenticationTicket(AccessPolicies.Principal(AccessRole.Operator, Scheme.Name, AccessHolder.ClaimOf(Context)), Scheme.Name)));
}
