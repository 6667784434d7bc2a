using System.Security.Claims;

namespace Hyperpatch.Web.Security;

/// <summary>
/// Whose share of something bounded is used up: a browser's session has one, and so have the programs at one address with one role, which have no session.
/// </summary>
public static class AccessHolder
{
    private const string AddressClaim = "hyperpatch:address";

    /// <summary>The claim that an identity without a session is counted by.</summary>
    /// <param name="context">The request that it came with.</param>
    public static Claim ClaimOf(HttpContext context) => new(AddressClaim, ClientAddress.Of(context));

    /// <summary>The name that somebody is counted by.</summary>
    /// <param name="user">Who it is.</param>
    public static string Of(ClaimsPrincipal user) => SessionRegistry.Id(user) is { } session
        ? $"session {session:N}"
        : $"{user.Identity?.Name} at {user.FindFirstValue(AddressClaim)}";
}
