using Hyperpatch.Engine.Machine;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Security;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Hyperpatch.Web.Startup;

/// <summary>The engine's meter as Prometheus text at <c>/metrics</c>, and with the traces of requests to a collector where one is named.</summary>
internal static class MetricsSetup
{
    private const string ServiceName = "hyperpatch";

    /// <summary>Adds what reads the meter. Its instruments are observable: nothing is read until somebody asks.</summary>
    public static void AddEngineMetrics(this IServiceCollection services, TelemetryOptions telemetry)
    {
        IOpenTelemetryBuilder builder = services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(ServiceName, serviceVersion: typeof(MetricsSetup).Assembly.GetName().Version?.ToString(3)))
            .WithMetrics(metrics => metrics.AddMeter(EngineMeter.Name).AddPrometheusExporter());
        if (telemetry.Endpoint is not { } endpoint)
        {
            return;
        }

        builder.WithMetrics(metrics => metrics.AddOtlpExporter((exporter, reader) =>
        {
            Address(exporter, endpoint, telemetry.Protocol, "v1/metrics");
            reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = telemetry.IntervalSeconds * 1000;
        }));

        // The instrumentation writes no value of a query: log-in links and the hub's address carry tokens there. A circuit's or a hub's
        // connection is one request that lasts for as long as somebody watches, and its files are many and say nothing.
        builder.WithTracing(traces => traces
            .AddAspNetCoreInstrumentation(requests => requests.Filter = context => !IsQuiet(context.Request.Path))
            .AddOtlpExporter(exporter => Address(exporter, endpoint, telemetry.Protocol, "v1/traces")));
    }

    /// <summary>Maps /metrics. Machines' names and figures are in it, so it asks for a log-in like everything else.</summary>
    public static void MapEngineMetrics(this IEndpointRouteBuilder endpoints) =>
        endpoints.MapPrometheusScrapingEndpoint(ProgramPaths.Metrics).RequireAuthorization(AccessPolicies.Viewer);

    private static bool IsQuiet(PathString path) => path.StartsWithSegments("/_blazor") || path.StartsWithSegments("/_framework") || path.StartsWithSegments("/_content");

    private static void Address(OtlpExporterOptions exporter, Uri endpoint, OtlpProtocol protocol, string path)
    {
        exporter.Protocol = protocol == OtlpProtocol.Http ? OtlpExportProtocol.HttpProtobuf : OtlpExportProtocol.Grpc;

        // An address that is set in code is used as it is: what a collector's HTTP port wants behind it is ours to add.
        exporter.Endpoint = protocol == OtlpProtocol.Http ? new Uri(endpoint.AbsoluteUri.TrimEnd('/') + "/" + path) : endpoint;
    }
}
