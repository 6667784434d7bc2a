using System.Net;

namespace Hyperpatch.Web.Configuration;

/// <summary>The addresses that the web server will listen at, known before it does.</summary>
internal sealed class ListenAddresses
{
    /// <summary>Where nothing is configured: loopback, so that nobody else on the network sees the dashboard unasked.</summary>
    public const string Default = "http://127.0.0.1:5080";

    private const string Allowed = "addresses such as http://127.0.0.1:5080, separated by semicolons";

    private ListenAddresses(IReadOnlyList<string> urls) => Urls = urls;

    /// <summary>The addresses as given.</summary>
    public IReadOnlyList<string> Urls { get; }

    /// <summary>Whether no address can be reached from another machine.</summary>
    public bool LoopbackOnly => Urls.All(IsLoopback);

    /// <summary>Reads <c>Urls</c>, and the addresses of <c>Kestrel:Endpoints</c>, which the server prefers where there are any.</summary>
    /// <param name="configuration">The whole configuration.</param>
    /// <param name="environmentUrls">ASPNETCORE_URLS, which would otherwise lose against appsettings.json.</param>
    /// <param name="commandLine">Whether the command line or a test gave <c>Urls</c>, which wins over everything else.</param>
    public static ListenAddresses Read(IConfiguration configuration, string? environmentUrls, bool commandLine)
    {
        List<IConfigurationSection> endpoints = [.. configuration.GetSection("Kestrel:Endpoints").GetChildren()];
        if (endpoints.Count > 0)
        {
            return new ListenAddresses([.. endpoints.Select(endpoint => Checked($"{endpoint.Path}:Url", endpoint["Url"] ?? "", endpoint["Url"] ?? ""))]);
        }

        string? text = commandLine || string.IsNullOrWhiteSpace(environmentUrls) ? configuration["Urls"] : environmentUrls;
        string[] urls = (string.IsNullOrWhiteSpace(text) ? Default : text).Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return urls.Length == 0
            ? throw SettingsException.ForKey("Urls", text, Allowed)
            : new ListenAddresses([.. urls.Select(url => Checked("Urls", url, text))]);
    }

    /// <summary>Whether a URL is bound to this machine's own loopback interface alone.</summary>
    public static bool IsLoopback(string url) =>
        TryParse(url, out BindingAddress? address)
        && (string.Equals(address.Host, "localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(address.Host.Trim('[', ']'), out IPAddress? ip) && IPAddress.IsLoopback(ip)));

    private static string Checked(string key, string url, string? text)
    {
        if (!TryParse(url, out BindingAddress? address) || address.Scheme is not ("http" or "https") || address.Port is < 0 or > 65535)
        {
            throw SettingsException.ForKey(key, text, Allowed);
        }

        // A link that logs a browser in cannot be made of a socket's path, and a cookie has the port in its name.
        if (address.IsUnixPipe || address.IsNamedPipe)
        {
            throw SettingsException.ForKey(key, text, Allowed + "; sockets in the file system are not supported");
        }

        // The name stands for two addresses, 127.0.0.1 and ::1, which would get two different ports.
        return address.Port == 0 && string.Equals(address.Host, "localhost", StringComparison.OrdinalIgnoreCase)
            ? throw SettingsException.ForKey(key, text, "port 0 (any that is free) only with an address in figures, such as http://127.0.0.1:0")
            : url;
    }

    private static bool TryParse(string url, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out BindingAddress? address)
    {
        try
        {
            address = BindingAddress.Parse(url);
            return true;
        }
        catch (FormatException)
        {
            address = null;
            return false;
        }
    }
}
