using System.Security.Claims;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Machines.Commands;
using Microsoft.AspNetCore.WebUtilities;

namespace Hyperpatch.Web.Security;

/// <summary>Gives operators links for those who are to watch: the one that is printed at start, with a page behind it.</summary>
public sealed class ViewerLinks(SecurityOptions options, AccessTokens tokens, SessionRegistry sessions)
{
    /// <summary>A link to a page.</summary>
    /// <param name="user">Who asks: operators alone are told a token.</param>
    /// <param name="site">The site's address as the operator's browser knows it, with a slash at its end.</param>
    /// <param name="path">The page's path and query within the site, without a slash before it.</param>
    public CommandResult<ViewerLink> To(ClaimsPrincipal user, Uri site, string path)
    {
        ArgumentNullException.ThrowIfNull(user);
        ArgumentNullException.ThrowIfNull(site);
        if (!user.MayChange() || sessions.IsOver(user))
        {
            return CommandError.Forbidden;
        }

        bool hasToken = options.Mode == SecurityMode.Token;
        string target = LocalUrl.OrHome("/" + path);
        Uri address = hasToken
            ? new Uri(site, QueryHelpers.AddQueryString("login", new Dictionary<string, string?> { ["t"] = tokens.ViewerToken, ["returnUrl"] = target }))
            : new Uri(site, target);
        return new ViewerLink(address, site.IsLoopback, hasToken);
    }
}
