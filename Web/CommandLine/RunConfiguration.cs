using Hyperpatch.Web.Configuration;

namespace Hyperpatch.Web.CommandLine;

/// <summary>The settings of <c>run</c>: appsettings.json beside the program and the environment, as the server has them.</summary>
internal static class RunConfiguration
{
    /// <summary>Reads them.</summary>
    /// <exception cref="SettingsException">The file cannot be read.</exception>
    public static IConfiguration Load()
    {
        try
        {
            return new ConfigurationBuilder()
                .SetBasePath(AppContext.BaseDirectory)
                .AddJsonFile("appsettings.json", optional: true)
                .AddEnvironmentVariables()
                .Build();
        }
        catch (InvalidDataException exception)
        {
            throw SettingsException.Of(exception);
        }
    }
}
