using Microsoft.Extensions.Configuration.CommandLine;
using Microsoft.Extensions.Configuration.EnvironmentVariables;

namespace Hyperpatch.Web.Configuration;

/// <summary>
/// Refuses settings outside of every section that somebody reads. <c>Securty:Mode</c> would otherwise be ignored in silence, and
/// the program would run with another protection than the one that was asked for.
/// </summary>
internal static class KnownSettings
{
    private static readonly string[] s_names = ["Urls", "Security", "Engine", "Demo", "Telemetry", "Logging", "AllowedHosts", "Kestrel"];

    // Sections that the framework reads: it takes a value in their place for nothing.
    private static readonly string[] s_sectionsOfTheFramework = ["Logging", "Logging:LogLevel", "Kestrel", "Kestrel:Endpoints", "Kestrel:Limits", "Kestrel:Certificates"];

    // What the host itself reads from the command line, and tools (an IDE, a test server) put there.
    private static readonly string[] s_ofTheHost = ["environment", "contentRoot", "applicationName", "webroot", "shutdownTimeoutSeconds"];

    /// <summary>Refuses what is not known in files and on the command line. The environment is full of things that are no settings of ours.</summary>
    /// <exception cref="SettingsException">A key is not known.</exception>
    public static void RefuseOthers(IConfigurationRoot configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        foreach (IConfigurationProvider provider in configuration.Providers)
        {
            bool commandLine = provider is CommandLineConfigurationProvider;
            if (!commandLine && provider is not FileConfigurationProvider)
            {
                continue;
            }

            string? stranger = provider.GetChildKeys([], null).FirstOrDefault(key => !IsKnown(key, commandLine));
            if (stranger is not null)
            {
                throw Unknown(stranger);
            }
        }

        foreach (string name in s_sectionsOfTheFramework)
        {
            SettingsSection.RefuseValue(configuration.GetSection(name));
        }
    }

    /// <summary>Refuses a word of the command line that is no setting, such as a misspelt option without a value.</summary>
    /// <exception cref="SettingsException">There is one.</exception>
    public static void RefuseStrayWords(IReadOnlyList<string> arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        for (int i = 0; i < arguments.Count; i++)
        {
            string argument = arguments[i];
            if (argument.Contains('=', StringComparison.Ordinal))
            {
                continue;
            }

            bool option = argument.StartsWith("--", StringComparison.Ordinal) || argument.StartsWith('/');
            string? value = i + 1 < arguments.Count ? arguments[i + 1] : null;
            if (!option)
            {
                throw new SettingsException($"Argument \"{argument}\" is not known. See --help.");
            }

            string key = argument.TrimStart('-', '/');
            if (!IsKnown(key.Split(':')[0], commandLine: true))
            {
                throw Unknown(key);
            }

            if (value is null || value.StartsWith("--", StringComparison.Ordinal))
            {
                throw new SettingsException($"Option {argument} needs a value.");
            }

            i++;
        }
    }

    private static bool IsKnown(string key, bool commandLine) =>
        s_names.Contains(key, StringComparer.OrdinalIgnoreCase) || (commandLine && s_ofTheHost.Contains(key, StringComparer.OrdinalIgnoreCase));

    private static SettingsException Unknown(string key) => new($"Setting {key} is not known; allowed: {string.Join(", ", s_names)}.".ReplaceLineEndings(" "));
}
