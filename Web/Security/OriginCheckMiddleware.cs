namespace Hyperpatch.Web.Security;

/// <summary>
/// Refuses what a page of somebody else's makes a browser send: changes, and connections to our hubs (a WebSocket is not held
/// back by the same-origin rule). A second line behind the Strict cookie, and the first one where no log-in is asked for.
/// </summary>
internal sealed class OriginCheckMiddleware(RequestDelegate next)
{
    /// <summary>Goes on, or answers 403.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        bool changes = !(HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || HttpMethods.IsOptions(request.Method));
        bool hub = request.Path.StartsWithSegments("/hubs") || request.Path.StartsWithSegments("/_blazor");
        if ((changes || hub) && !IsOurs(request, changes))
        {
            return Results.Problem(
                title: "Request from another site",
                detail: "The Origin header does not name this server.",
                statusCode: StatusCodes.Status403Forbidden).ExecuteAsync(context);
        }

        return next(context);
    }

    private static bool IsOurs(HttpRequest request, bool changes)
    {
        string? origin = request.Headers.Origin;
        if (!string.IsNullOrEmpty(origin))
        {
            return Uri.TryCreate(origin, UriKind.Absolute, out Uri? uri) && Same(uri, request.Host);
        }

        string? site = request.Headers["Sec-Fetch-Site"];
        if (!string.IsNullOrEmpty(site))
        {
            return site is "same-origin" or "none" || !changes;
        }

        // No browser leaves both out of a change, so this is a program; and a program has no business with a browser's session.
        return !changes || request.Headers.Authorization.Count > 0 || request.Cookies.Count == 0;
    }

    private static bool Same(Uri origin, HostString host)
    {
        int port = host.Port ?? (origin.Scheme == Uri.UriSchemeHttps ? 443 : 80);
        return origin.Port == port && string.Equals(origin.Host, host.Host, StringComparison.OrdinalIgnoreCase);
    }
}
