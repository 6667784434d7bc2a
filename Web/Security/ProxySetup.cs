using Hyperpatch.Web.Configuration;
using Microsoft.AspNetCore.HttpOverrides;
using IPNetwork = System.Net.IPNetwork;

namespace Hyperpatch.Web.Security;

/// <summary>What a proxy in front says of a request, where the settings name one (<see cref="SecurityOptions.KnownProxies"/>).</summary>
internal static class ProxySetup
{
    /// <summary>Puts the sender and the scheme that a known proxy tells in the place of the proxy's own. Without known proxies nothing is read.</summary>
    /// <param name="application">The application, before anything that looks at a request's sender.</param>
    public static void UseKnownProxies(this WebApplication application)
    {
        SecurityOptions security = application.Services.GetRequiredService<SecurityOptions>();
        if (security.KnownProxies.IsEmpty)
        {
            return;
        }

        var options = new ForwardedHeadersOptions
        {
            ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto,

            // Proxies in a row: as far back as they are known, and no farther.
            ForwardLimit = null,
        };

        // Loopback is there by default: whoever has a shell on the host is not a proxy by that.
        options.KnownProxies.Clear();
        options.KnownIPNetworks.Clear();
        foreach (IPNetwork network in security.KnownProxies)
        {
            options.KnownIPNetworks.Add(network);
        }

        application.UseForwardedHeaders(options);
    }
}
