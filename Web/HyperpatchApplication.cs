using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Machines.Assembling;
using Hyperpatch.Web.Security;
using Hyperpatch.Web.Startup;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Hyperpatch.Web;

/// <summary>
/// The whole dashboard, put together: what Program starts and what tests construct, at a port of their own.
/// </summary>
public sealed class HyperpatchApplication : IAsyncDisposable
{
    /// <summary>Time that everything has to stop in, guests included, before the process goes without waiting.</summary>
    public static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(3);

    private readonly WebApplication _application;
    private readonly StrongBox<bool> _started;

    private HyperpatchApplication(WebApplication application, StrongBox<bool> started)
    {
        _application = application;
        _started = started;
    }

    /// <summary>The services.</summary>
    public IServiceProvider Services => _application.Services;

    /// <summary>Who may log in.</summary>
    public SecurityOptions Security => Services.GetRequiredService<SecurityOptions>();

    /// <summary>The tokens.</summary>
    public AccessTokens Tokens => Services.GetRequiredService<AccessTokens>();

    /// <summary>The first address that the server listens at, with the port it really got. Known once started.</summary>
    public Uri Address => new(Addresses.First().Replace("://[::]", "://localhost", StringComparison.Ordinal).Replace("://0.0.0.0", "://localhost", StringComparison.Ordinal));

    private ICollection<string> Addresses =>
        Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses
        ?? throw new InvalidOperationException("The server has not been started.");

    /// <summary>Puts the application together without starting anything.</summary>
    /// <param name="arguments">Settings from the command line, such as <c>--Urls=http://127.0.0.1:0</c>.</param>
    /// <param name="settings">Settings that win over all others; for tests.</param>
    /// <param name="configure">Changes the services last; for tests.</param>
    /// <exception cref="SettingsException">A setting cannot be used.</exception>
    [SuppressMessage("Reliability", "CA2000", Justification = "The application owns what it is given and disposes of it.")]
    public static HyperpatchApplication Create(
        string[]? arguments = null,
        IReadOnlyDictionary<string, string?>? settings = null,
        Action<IServiceCollection>? configure = null)
    {
        WebApplicationBuilder builder = CreateBuilder(arguments ?? []);
        if (settings is not null)
        {
            builder.Configuration.AddInMemoryCollection(settings);
        }

        KnownSettings.RefuseStrayWords(arguments ?? []);
        KnownSettings.RefuseOthers(builder.Configuration);
        bool urlsGiven = settings?.Keys.Contains("Urls", StringComparer.OrdinalIgnoreCase) == true
            || (arguments ?? []).Any(argument => argument.TrimStart('-', '/').StartsWith("urls", StringComparison.OrdinalIgnoreCase));
        var listen = ListenAddresses.Read(builder.Configuration, Environment.GetEnvironmentVariable("ASPNETCORE_URLS"), urlsGiven);
        var security = SecurityOptions.Read(builder.Configuration);
        if (security.Mode == SecurityMode.None && !listen.LoopbackOnly)
        {
            throw new SettingsException($"Setting Security:Mode has the value \"None\" while Urls is \"{string.Join(';', listen.Urls)}\"; allowed: None only with loopback addresses such as {ListenAddresses.Default}, else Token.");
        }

        builder.WebHost.UseUrls([.. listen.Urls]);
        AddServices(builder, security, listen, TelemetryOptions.Read(builder.Configuration));
        configure?.Invoke(builder.Services);

        // Until it has started, the host writes a stack trace for what StartAsync reports in one line.
        var started = new StrongBox<bool>();
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", level => started.Value && level >= LogLevel.Warning);

        try
        {
            WebApplication application = builder.Build();
            Pipeline.Configure(application);
            return new HyperpatchApplication(application, started);
        }
        catch (Exception exception) when (SettingsException.IsAboutSettings(exception))
        {
            throw SettingsException.Of(exception);
        }
    }

    /// <summary>Starts the server, and the machine that runs from the start.</summary>
    /// <exception cref="SettingsException">The address cannot be listened at.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await _application.StartAsync(cancellationToken);
            _started.Value = true;
        }
        catch (IOException exception) when (ListenFailure.Describe(exception) is { } line)
        {
            throw new SettingsException(line, exception);
        }
        catch (System.Net.Sockets.SocketException exception)
        {
            throw new SettingsException(ListenFailure.Describe(exception), exception);
        }
        catch (Exception exception) when (SettingsException.IsAboutSettings(exception))
        {
            // The framework reads the settings that are its own (Kestrel, Logging, certificates) only now.
            throw SettingsException.Of(exception);
        }
    }

    /// <summary>A link that logs a browser in.</summary>
    public Uri LoginLink(AccessRole role) =>
        new(Address, "/login?t=" + (role == AccessRole.Operator ? Tokens.OperatorToken : Tokens.ViewerToken));

    /// <summary>Waits until somebody asks the process to end, then stops everything.</summary>
    public Task WaitForShutdownAsync(CancellationToken cancellationToken = default) => _application.WaitForShutdownAsync(cancellationToken);

    /// <summary>Stops everything.</summary>
    public Task StopAsync(CancellationToken cancellationToken = default) => _application.StopAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private static WebApplicationBuilder CreateBuilder(string[] arguments)
    {
        try
        {
            WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions
            {
                Args = arguments,
                ApplicationName = typeof(HyperpatchApplication).Assembly.GetName().Name,

                // Settings and static files are beside the program, wherever it is started from.
                ContentRootPath = AppContext.BaseDirectory,
            });

            // In a build's output the static files are where the manifest says; a published program has no manifest and a wwwroot.
            builder.WebHost.UseStaticWebAssets();
            return builder;
        }
        catch (Exception exception) when (exception is InvalidDataException or FormatException)
        {
            throw SettingsException.Of(exception);
        }
    }

    private static void AddServices(WebApplicationBuilder builder, SecurityOptions security, ListenAddresses listen, TelemetryOptions telemetry)
    {
        IServiceCollection services = builder.Services;

        // Standard output is for the log-in links alone. Request lines would carry tokens (/login?t=, ?access_token=), so the
        // category that writes them stays silent whatever level is asked for in general.
        builder.Logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.Warning);
        services.Configure<HostOptions>(host => host.ShutdownTimeout = ShutdownTimeout);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;

            // Bounded, so that whoever opens connections without end runs into this and not into the process's memory. WebSockets,
            // which is to say circuits and hub connections, have a limit of their own.
            kestrel.Limits.MaxConcurrentConnections = 1024;
            kestrel.Limits.MaxConcurrentUpgradedConnections = 512;
        });

        services.AddAccess(security);
        services.AddHostNames(builder.Configuration, listen);
        services.AddMachines(builder.Configuration);
        services.AddEngineMetrics(telemetry);
        services.AddApiDescription();
        services.AddHealthChecks();
        services.AddSingleton<ServerInstance>();
        services.AddProblemDetails();
        services.AddCascadingAuthenticationState();
        services.AddRazorComponents().AddInteractiveServerComponents(circuits =>
        {
            // A circuit that nobody comes back to holds its memory for this long.
            circuits.DisconnectedCircuitRetentionPeriod = TimeSpan.FromMinutes(1);
            circuits.DisconnectedCircuitMaxRetained = 50;
        }).AddHubOptions(hub =>
        {
            // The editor's source comes in one message; a longer one would end the connection.
            hub.MaximumReceiveMessageSize = GnuAssembler.MaximumMessage;
        });

        services.AddSingleton<Components.ScriptModules>();

        // After the components: the last one registered is the one that is used.
        services.AddScoped<AuthenticationStateProvider, SessionStateProvider>();
    }
}
