namespace Hyperpatch.Web.Security;

/// <summary>Headers that narrow what a browser does with our answers.</summary>
internal sealed class SecurityHeadersMiddleware(RequestDelegate next)
{
    // Scripts and styles: files of ours only; nothing in a page carries a style of its own. 'self' of connect-src includes WebSockets to
    // the same host and port.
    private const string ContentSecurityPolicy =
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        + "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

    /// <summary>Adds the headers, then goes on.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        // Set when the answer begins: the answer to an error starts with headers wiped clean, and with another path.
        bool api = context.Request.Path.StartsWithSegments("/api");
        context.Response.OnStarting(() =>
        {
            Set(context.Response.Headers, api);
            return Task.CompletedTask;
        });
        return next(context);
    }

    private static void Set(IHeaderDictionary headers, bool api)
    {
        headers.ContentSecurityPolicy = ContentSecurityPolicy;
        headers.XContentTypeOptions = "nosniff";

        // Not no-referrer: with that, browsers send "Origin: null" with our own forms.
        headers["Referrer-Policy"] = "same-origin";
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        if (api)
        {
            headers.CacheControl = "no-store";
        }
    }
}
