using Hyperpatch.Engine.Accelerators.Kvm.HostStatistics;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Hubs;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Assembling;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Frames;
using Hyperpatch.Web.Machines.HostKvm;
using Microsoft.AspNetCore.SignalR;

namespace Hyperpatch.Web.Startup;

/// <summary>Registers machines and the hub.</summary>
internal static class MachineSetup
{
    /// <summary>Adds them.</summary>
    public static void AddMachines(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(EngineOptions.Read(configuration));
        services.AddSingleton(DemoOptions.Read(configuration));
        services.AddSingleton<AcceleratorSet>(provider => new AcceleratorSet(provider.GetRequiredService<EngineOptions>()));
        services.AddSingleton<MachineRegistry>();
        services.AddSingleton(_ => new GnuAssembler(Environment.GetEnvironmentVariable("PATH") ?? ""));
        services.AddSingleton<GuestChoice>();
        services.AddSingleton(new KvmDebugFolder(KvmDebugFolder.UsualFolder, KvmDebugFolder.UsualProcesses));
        services.AddSingleton(provider => new KvmHostMonitor(provider.GetRequiredService<KvmDebugFolder>(), provider.GetRequiredService<MachineRegistry>(), TimeProvider.System));
        services.AddSingleton<MachineCommands>();
        services.AddSingleton<HubConnectionCount>();
        services.AddSingleton<DemoMachine>();
        services.AddHostedService(provider => provider.GetRequiredService<DemoMachine>());
        services.AddHostedService<MachinesNotifier>();
        services.AddSingleton<HubFailureFilter>();

        // HubFailureFilter logs instead, and tells refusals from failures.
        services.AddLogging(logging => logging.AddFilter("Microsoft.AspNetCore.SignalR.Internal.DefaultHubDispatcher", LogLevel.None));
        services.AddSignalR(hub =>
        {
            hub.AddFilter<HubFailureFilter>();
            hub.MaximumReceiveMessageSize = 32 * 1024;

            // For streams that a client sends. The hub takes none, so none of them needs room.
            hub.StreamBufferCapacity = 1;
        }).AddMessagePackProtocol(protocol => protocol.SerializerOptions = EncodedFrameFormatter.HubOptions);
    }
}
