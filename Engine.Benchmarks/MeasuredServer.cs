using System.Globalization;
using Hyperpatch.Web;
using Hyperpatch.Web.Machines;
using Microsoft.Extensions.DependencyInjection;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>The whole server in this process, at a port of its own, with one machine that runs from the start.</summary>
internal static class MeasuredServer
{
    /// <summary>Starts it.</summary>
    /// <param name="guest">Guest of the catalogue.</param>
    /// <param name="processors">Number of processors; 0: as the guest is best shown.</param>
    /// <param name="commandLine">The guest's command line.</param>
    /// <param name="accelerator">auto, kvm or software.</param>
    public static async Task<HyperpatchApplication> StartAsync(string guest, int processors = 1, string commandLine = "", string accelerator = "auto")
    {
        HyperpatchApplication application = HyperpatchApplication.Create(settings: new Dictionary<string, string?>
        {
            ["Urls"] = "http://127.0.0.1:0",
            ["Engine:Accelerator"] = accelerator,
            ["Demo:Guest"] = guest,
            ["Demo:CommandLine"] = commandLine,
            ["Demo:Processors"] = processors.ToString(CultureInfo.InvariantCulture),
        });
        await application.StartAsync();
        return application;
    }

    /// <summary>Its machine.</summary>
    /// <param name="application">The server.</param>
    public static ManagedMachine Machine(HyperpatchApplication application)
    {
        ArgumentNullException.ThrowIfNull(application);
        return application.Services.GetRequiredService<MachineRegistry>().All[0];
    }
}
