using System.Security.Claims;

namespace Hyperpatch.Web.Security;

/// <summary>The authorization policies, and how a role is written into an identity.</summary>
public static class AccessPolicies
{
    /// <summary>Whoever may watch: viewers and operators.</summary>
    public const string Viewer = "viewer";

    /// <summary>Whoever may change things.</summary>
    public const string Operator = "operator";

    /// <summary>An identity with one role.</summary>
    /// <param name="role">The role.</param>
    /// <param name="scheme">The authentication scheme that vouches for it.</param>
    /// <param name="claims">Further claims.</param>
    public static ClaimsPrincipal Principal(AccessRole role, string scheme, params IEnumerable<Claim> claims)
    {
        string name = role == AccessRole.Operator ? Operator : Viewer;
        return new ClaimsPrincipal(new ClaimsIdentity(
            [new Claim(ClaimTypes.Name, name), new Claim(ClaimTypes.Role, name), .. claims], scheme, ClaimTypes.Name, ClaimTypes.Role));
    }

    /// <summary>Whether somebody may watch.</summary>
    public static bool MayWatch(this ClaimsPrincipal user)
    {
        ArgumentNullException.ThrowIfNull(user);
        return user.IsInRole(Viewer) || user.IsInRole(Operator);
    }

    /// <summary>Whether somebody may change things.</summary>
    public static bool MayChange(this ClaimsPrincipal user)
    {
        ArgumentNullException.ThrowIfNull(user);
        return user.IsInRole(Operator);
    }
}
