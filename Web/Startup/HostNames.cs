using System.Net;
using Hyperpatch.Web.Configuration;
using Microsoft.AspNetCore.HostFiltering;

namespace Hyperpatch.Web.Startup;

/// <summary>Which names this server answers to.</summary>
internal static class HostNames
{
    private static readonly string[] s_loopbackNames = ["localhost", "127.0.0.1", "[::1]"];

    /// <summary>
    /// On loopback: its names only. Otherwise a page of somebody else's could point its own name at 127.0.0.1 and be "the same
    /// origin". <c>AllowedHosts</c> in the settings wins, for those who come through a proxy.
    /// </summary>
    public static void AddHostNames(this IServiceCollection services, IConfiguration configuration, ListenAddresses listen)
    {
        string? configured = configuration["AllowedHosts"];
        if (!listen.LoopbackOnly || (!string.IsNullOrWhiteSpace(configured) && configured != "*"))
        {
            return;
        }

        IEnumerable<string> numbers = listen.Urls
            .Select(url => BindingAddress.Parse(url).Host)
            .Where(host => IPAddress.TryParse(host.Trim('[', ']'), out _));
        string[] names = [.. s_loopbackNames.Union(numbers, StringComparer.OrdinalIgnoreCase)];
        services.PostConfigure<HostFilteringOptions>(options => options.AllowedHosts = names);
    }
}
