using Hyperpatch.Engine.Machine;
using Hyperpatch.Web.Security;
using OpenTelemetry.Metrics;

namespace Hyperpatch.Web.Startup;

/// <summary>The engine's meter as Prometheus text at <c>/metrics</c>.</summary>
internal static class MetricsSetup
{
    /// <summary>Adds what reads the meter. Its instruments are observable: nothing is read until somebody asks.</summary>
    public static void AddEngineMetrics(this IServiceCollection services) =>
        services.AddOpenTelemetry().WithMetrics(metrics => metrics.AddMeter(EngineMeter.Name).AddPrometheusExporter());

    /// <summary>Maps /metrics. Machines' names and figures are in it, so it asks for a log-in like everything else.</summary>
    public static void MapEngineMetrics(this IEndpointRouteBuilder endpoints) =>
        endpoints.MapPrometheusScrapingEndpoint(ProgramPaths.Metrics).RequireAuthorization(AccessPolicies.Viewer);
}
