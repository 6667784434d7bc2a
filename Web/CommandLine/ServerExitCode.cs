namespace Hyperpatch.Web.CommandLine;

/// <summary>Exit statuses of the web server.</summary>
internal static class ServerExitCode
{
    /// <summary>The settings cannot be used, or the address cannot be listened at.</summary>
    public const int BadSettings = 2;
}
