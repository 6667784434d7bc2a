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
        };
        section.RefuseUnknownKeys();
        return options.OperatorToken is not null && options.OperatorToken == options.ViewerToken
            ? throw new SettingsException("Setting Security:ViewerToken is the same as Security:OperatorToken; allowed: two different tokens.")
            : options;
    }

    private static string? Token(SettingsSection section, string key)
    {
        string? token = section.Text(key);
        bool usable = token is null || (token.Length >= MinimumTokenLength && token.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '~'));

        // The value is a secret, even a bad one: it is not repeated.
        return usable ? token : throw section.Bad(key, "(not shown)", $"at least {MinimumTokenLength} characters out of A-Z a-z 0-9 - _ . ~, or nothing for a random one");
    }
}
