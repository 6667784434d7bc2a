using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace Hyperpatch.Web.Security;

/// <summary><c>Authorization: Bearer TOKEN</c>, or <c>?access_token=TOKEN</c> on a hub (a browser's WebSocket has no headers to set).</summary>
internal sealed class BearerAuthenticationHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options,
    ILoggerFactory logger,
    UrlEncoder encoder,
    AccessTokens tokens) : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    private const string Prefix = "Bearer ";

    /// <summary>Whether a request carries a token of its own, good or bad.</summary>
    public static bool Applies(HttpRequest request) => request.Headers.ContainsKey(HeaderNames.Authorization) || QueryToken(request) is not null;

    /// <inheritdoc/>
    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        string? header = Request.Headers.Authorization;
        string? token = header is null ? QueryToken(Request)
            : header.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) ? header[Prefix.Length..].Trim() : null;
        return Task.FromResult(
            token is null ? AuthenticateResult.NoResult()
            : tokens.Check(token) is { } role ? AuthenticateResult.Success(new AuthenticationTicket(AccessPolicies.Principal(role, Scheme.Name), Scheme.Name))
            : AuthenticateResult.Fail("The token is not one of this server's."));
    }

    /// <inheritdoc/>
    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.Headers.WWWAuthenticate = "Bearer realm=\"Hyperpatch\"";
        Response.StatusCode = StatusCodes.Status401Unauthorized;
        return Task.CompletedTask;
    }

    private static string? QueryToken(HttpRequest request) =>
        request.Path.StartsWithSegments("/hubs") && request.Query["access_token"] is [{ Length: > 0 } token, ..] ? token : null;
}
