using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Security;

namespace Hyperpatch.Web.Startup;

/// <summary>What the process does from its first line to its exit status.</summary>
internal static class EntryPoint
{
    /// <summary>Exit status where the settings cannot be used or the address cannot be listened at.</summary>
    public const int BadSettings = 2;

    /// <summary>Runs the program.</summary>
    public static async Task<int> RunAsync(string[] arguments)
    {
        try
        {
            await using HyperpatchApplication application = HyperpatchApplication.Create(arguments);
            await application.StartAsync();
            await AnnounceAsync(application);
            await application.WaitForShutdownAsync();
            return 0;
        }
        catch (SettingsException exception)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return BadSettings;
        }
    }

    // The operator's link comes last: it is what the person who typed the command looks for.
    private static async Task AnnounceAsync(HyperpatchApplication application)
    {
        if (application.Security.Mode == SecurityMode.None)
        {
            await Console.Out.WriteLineAsync($"Dashboard (no log-in, this machine only): {application.Address}");
            return;
        }

        await Console.Out.WriteLineAsync($"Viewers:   {application.LoginLink(AccessRole.Viewer)}");
        await Console.Out.WriteLineAsync($"Operators: {application.LoginLink(AccessRole.Operator)}");
    }
}
