using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Web;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Frames;
using Hyperpatch.Web.Security;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>The whole dashboard on a real server at a port of its own.</summary>
internal sealed class Dashboard : IAsyncDisposable
{
    private Dashboard(HyperpatchApplication application) => Application = application;

    public HyperpatchApplication Application { get; }

    public Uri Address => Application.Address;

    /// <summary>The one machine that there is; the test fails where there are more or none.</summary>
    public ManagedMachine Machine => Assert.Single(Application.Services.GetRequiredService<MachineRegistry>().All);

    /// <summary>With the machine that runs from the start.</summary>
    public static Task<Dashboard> StartDemoAsync() => StartAsync(new Dictionary<string, string?> { ["Demo:Enabled"] = "true" });

    public static async Task<Dashboard> StartAsync(IReadOnlyDictionary<string, string?>? settings = null, bool withoutAccelerator = false, Action<IServiceCollection>? configure = null)
    {
        Dictionary<string, string?> all = new() { ["Urls"] = "http://127.0.0.1:0", ["Demo:Enabled"] = "false" };
        foreach ((string key, string? value) in settings ?? new Dictionary<string, string?>())
        {
            all[key] = value;
        }

        HyperpatchApplication application = HyperpatchApplication.Create(settings: all, configure: services =>
        {
            if (withoutAccelerator)
            {
                RemoveAccelerators(services);
            }

            configure?.Invoke(services);
        });
        await application.StartAsync(TestContext.Current.CancellationToken);
        return new Dashboard(application);
    }

    /// <summary>Skips the test, with the reason, where no machine can be made on this host.</summary>
    public void RequireAccelerator()
    {
        AcceleratorAvailability availability = Application.Services.GetRequiredService<AcceleratorSet>().Select().Check();
        Accelerated.Require(availability.IsAvailable, availability.Reason);
    }

    public string Token(AccessRole role) => role == AccessRole.Operator ? Application.Tokens.OperatorToken : Application.Tokens.ViewerToken;

    public HttpClient Client(AccessRole? role)
    {
        HttpClient client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = Address };
        if (role is { } known)
        {
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token(known));
        }

        return client;
    }

    /// <summary>Makes a machine over the API; its address.</summary>
    public static async Task<string> CreateMachineAsync(HttpClient client, string guest)
    {
        HttpResponseMessage created = await client.PostAsJsonAsync("/api/machines", new { guest }, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        return created.Headers.Location!.ToString();
    }

    /// <summary>A connection to the hub, started.</summary>
    public async Task<HubConnection> ConnectAsync(AccessRole role, bool messagePack = false)
    {
        IHubConnectionBuilder builder = new HubConnectionBuilder().WithUrl(
            new Uri(Address, "/hubs/machines"),
            options => options.AccessTokenProvider = () => Task.FromResult<string?>(Token(role)));
        if (messagePack)
        {
            builder.AddMessagePackProtocol(options => options.SerializerOptions = EncodedFrameFormatter.HubOptions);
        }

        HubConnection connection = builder.Build();
        await connection.StartAsync(TestContext.Current.CancellationToken);
        return connection;
    }

    public async ValueTask DisposeAsync()
    {
        await Application.StopAsync(CancellationToken.None);
        await Application.DisposeAsync();
    }

    private static void RemoveAccelerators(IServiceCollection services) =>
        services.AddSingleton(provider => new AcceleratorSet(
            provider.GetRequiredService<EngineOptions>(), [new UnavailableAccelerator("kvm", "/dev/kvm: permission denied; add yourself to the group kvm")]));
}
