using System.Net.Http.Json;
using System.Text;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Web;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Security;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Trace;

namespace Hyperpatch.Engine.Tests.Web.Telemetry;

/// <summary>Metrics and traces as a collector gets them (opentelemetry-proto: collector/metrics/v1, collector/trace/v1).</summary>
public sealed class OtlpTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("http")]
    [InlineData("grpc")]
    public async Task The_engines_meter_and_the_requests_arrive_and_no_token_does(string protocol)
    {
        await using OtlpCollector collector = await OtlpCollector.StartAsync(protocol == "grpc");
        await using Dashboard dashboard = await Dashboard.StartAsync(new Dictionary<string, string?>
        {
            ["Telemetry:Otlp:Endpoint"] = collector.Address,
            ["Telemetry:Otlp:Protocol"] = protocol,
            ["Telemetry:Otlp:IntervalSeconds"] = "1",
        });
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        _ = await client.GetAsync(new Uri($"/login?t={dashboard.Token(AccessRole.Operator)}", UriKind.Relative), Cancellation);
        using HttpResponseMessage made = await client.PostAsJsonAsync("/api/machines", new { guest = "mixed", start = true }, Cancellation);
        made.EnsureSuccessStatusCode();

        await Patience.UntilAsync("exits in the collector", () => Task.FromResult(Exits(collector) > 0));
        await Patience.UntilAsync("the request in the collector", () => Task.FromResult(Spans(collector).Any(span => span.Contains("POST", StringComparison.Ordinal) && span.Contains("api/machines", StringComparison.Ordinal))));
        Assert.Contains(Spans(collector), span => span.Contains("login", StringComparison.Ordinal));
        foreach (byte[] body in collector.Traces.Concat(collector.Metrics))
        {
            Assert.DoesNotContain(dashboard.Token(AccessRole.Operator), Encoding.Latin1.GetString(body), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Without_a_collector_nothing_traces()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        Assert.Null(dashboard.Application.Services.GetService<TracerProvider>());
    }

    [Fact]
    public async Task A_collector_that_is_not_there_disturbs_nobody()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(
            new Dictionary<string, string?>
            {
                // Port 1 is tcpmux: nobody has it.
                ["Telemetry:Otlp:Endpoint"] = "http://127.0.0.1:1",
                ["Telemetry:Otlp:IntervalSeconds"] = "1",
            },
            withoutAccelerator: true);
        using HttpClient client = dashboard.Client(AccessRole.Viewer);
        await Task.Delay(1500, Cancellation);
        Assert.Equal("[]", await client.GetStringAsync(new Uri("/api/machines", UriKind.Relative), Cancellation));
    }

    [Theory]
    [InlineData("Telemetry:Otlp:Endpoint", "--Telemetry:Otlp:Endpoint=somewhere")]
    [InlineData("Telemetry:Otlp:Endpoint", "--Telemetry:Otlp:Endpoint=ftp://127.0.0.1")]
    [InlineData("Telemetry:Otlp:Endpoint", "--Telemetry:Otlp:Endpoint=http://me:secret@127.0.0.1:4317")]
    [InlineData("Telemetry:Otlp:Protocol", "--Telemetry:Otlp:Protocol=carrier-pigeon")]
    [InlineData("Telemetry:Otlp:IntervalSeconds", "--Telemetry:Otlp:IntervalSeconds=0")]
    [InlineData("Telemetry:Otlp:Endpont", "--Telemetry:Otlp:Endpont=http://127.0.0.1:4317")]
    [InlineData("Telemetry:Oltp", "--Telemetry:Oltp:Endpoint=http://127.0.0.1:4317")]
    public void A_setting_that_cannot_be_is_one_line(string named, string argument)
    {
        SettingsException error = Assert.Throws<SettingsException>(() => HyperpatchApplication.Create(["--urls=http://127.0.0.1:0", "--Demo:Enabled=false", argument]));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    // ExportMetricsServiceRequest.resource_metrics(1).scope_metrics(2): scope(1).name(1), metrics(2).name(1), .sum(7).data_points(1).as_int(6).
    private static ulong Exits(OtlpCollector collector) => collector.Metrics
        .SelectMany(body => new ProtobufMessage(body).All(1, 2))
        .Where(scope => scope.All(1).Any(about => about.Text(1) == EngineMeter.Name))
        .SelectMany(scope => scope.All(2))
        .Where(metric => metric.Text(1) == "hyperpatch.exits")
        .SelectMany(metric => metric.All(7, 1))
        .Select(point => point.Number(6))
        .DefaultIfEmpty()
        .Max();

    // ExportTraceServiceRequest.resource_spans(1).scope_spans(2).spans(2).name(5).
    private static IEnumerable<string> Spans(OtlpCollector collector) => collector.Traces
        .SelectMany(body => new ProtobufMessage(body).All(1, 2, 2))
        .Select(span => span.Text(5));
}
