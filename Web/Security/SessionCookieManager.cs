using System.Globalization;
using Microsoft.AspNetCore.Authentication.Cookies;

namespace Hyperpatch.Web.Security;

/// <summary>
/// Puts the port into the cookie's name. Cookies are shared by all ports of a host, so two dashboards on one machine would
/// otherwise log each other's browsers out.
/// </summary>
internal sealed class SessionCookieManager : ICookieManager
{
    private readonly ChunkingCookieManager _inner = new();

    /// <inheritdoc/>
    public string? GetRequestCookie(HttpContext context, string key) => _inner.GetRequestCookie(context, Name(context, key));

    /// <inheritdoc/>
    public void AppendResponseCookie(HttpContext context, string key, string? value, CookieOptions options) =>
        _inner.AppendResponseCookie(context, Name(context, key), value, options);

    /// <inheritdoc/>
    public void DeleteCookie(HttpContext context, string key, CookieOptions options) => _inner.DeleteCookie(context, Name(context, key), options);

    private static string Name(HttpContext context, string key) =>
        string.Create(CultureInfo.InvariantCulture, $"{key}.{context.Connection.LocalPort}");
}
