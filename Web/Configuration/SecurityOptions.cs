using System.Collections.Immutable;
using System.Net;

namespace Hyperpatch.Web.Configuration;

/// <summary>The section <c>Security</c> of appsettings.json.</summary>
public sealed class SecurityOptions
{
    /// <summary>Fewest characters of a token that is set by hand: one that can be guessed is no protection.</summary>
    public const int MinimumTokenLength = 16;

    /// <summary>Who may use the dashboard. Default: <see cref="SecurityMode.Token"/>.</summary>
    public SecurityMode Mode { get; init; } = SecurityMode.Token;

    /// <summary>The operator's token; null: a random one at each start.</summary>
    public string? OperatorToken { get; init; }

    /// <summary>The viewer's token; null: a random one at each start.</summary>
    public string? ViewerToken { get; init; }

    /// <summary>
    /// Whether browsers that have logged in stay so over a restart (for at most 12 hours), so that an open page comes back by
    /// itself. Changing a token that is set by hand ends their sessions in any case.
    /// </summary>
    public bool KeepSessions { get; init; } = true;

    /// <summary>Log-in attempts a minute accepted from one address, 1 to 10000.</summary>
    public int LoginAttemptsPerMinute { get; init; } = 30;

    /// <summary>
    /// Proxies in front that are believed: what they say of a request's sender and scheme (<c>X-Forwarded-For</c>, <c>X-Forwarded-Proto</c>) counts.
    /// None by default: anybody can write these headers.
    /// </summary>
    public ImmutableArray<IPNetwork> KnownProxies { get; init; } = [];

    /// <summary>Reads and checks the section.</summary>
    /// <exception cref="SettingsException">A value is not allowed or a key is not known.</exception>
    public static SecurityOptions Read(IConfiguration configuration)
    {
        var section = new SettingsSection(configuration, "Security");
        var options = new SecurityOptions
        {
            Mode = section.Choice(nameof(Mode), SecurityMode.Token),
            OperatorToken = Token(section, nameof(OperatorToken)),
            ViewerToken = Token(section, nameof(ViewerToken)),
            KeepSessions = section.Flag(nameof(KeepSessions), true),
            LoginAttemptsPerMinute = section.Integer(nameof(LoginAttemptsPerMinute), 1, 10_000, 30),
            KnownProxies = Proxies(section, nameof(KnownProxies)),
        };
        section.RefuseUnknownKeys();
        return options.OperatorToken is not null && options.OperatorToken == options.ViewerToken
            ? throw new SettingsException("Setting Security:ViewerToken is the same as Security:OperatorToken; allowed: two different tokens.")
            : options;
    }

    private static ImmutableArray<IPNetwork> Proxies(SettingsSection section, string key)
    {
        string? text = section.Text(key);
        ImmutableArray<IPNetwork>.Builder networks = ImmutableArray.CreateBuilder<IPNetwork>();
        foreach (string word in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (IPNetwork.TryParse(word, out IPNetwork network))
            {
                networks.Add(network);
            }
            else if (IPAddress.TryParse(word, out IPAddress? address))
            {
                networks.Add(new IPNetwork(address, address.GetAddressBytes().Length * 8));
            }
            else
            {
                throw section.Bad(key, text, "addresses and networks with commas between them, such as 192.0.2.7, 2001:db8::/64");
            }
        }

        return networks.ToImmutable();
    }

    private static string? Token(SettingsSection section, string key)
    {
        string? token = section.Text(key);
        bool usable = token is null || (token.Length >= MinimumTokenLength && token.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '~'));

        // The value is a secret, even a bad one: it is not repeated.
        return usable ? token : throw section.Bad(key, "(not shown)", $"at least {MinimumTokenLength} characters out of A-Z a-z 0-9 - _ . ~, or nothing for a random one");
    }
}
