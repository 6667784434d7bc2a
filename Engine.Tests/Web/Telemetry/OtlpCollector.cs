using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Compression;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Hyperpatch.Engine.Tests.Web.Telemetry;

/// <summary>A small OpenTelemetry collector on loopback: takes OTLP/HTTP (protobuf) or OTLP/gRPC and keeps the messages.</summary>
internal sealed class OtlpCollector : IAsyncDisposable
{
    private const string GrpcPrefix = "/opentelemetry.proto.collector.";
    private readonly WebApplication _application;

    private OtlpCollector(WebApplication application) => _application = application;

    /// <summary>Bodies of ExportMetricsServiceRequest.</summary>
    public ConcurrentQueue<byte[]> Metrics { get; } = new();

    /// <summary>Bodies of ExportTraceServiceRequest.</summary>
    public ConcurrentQueue<byte[]> Traces { get; } = new();

    public string Address => _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    public static async Task<OtlpCollector> StartAsync(bool grpc)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(
            System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = grpc ? HttpProtocols.Http2 : HttpProtocols.Http1));
        OtlpCollector collector = new(builder.Build());
        collector._application.Run(grpc ? collector.TakeGrpcAsync : collector.TakeHttpAsync);
        await collector._application.StartAsync(TestContext.Current.CancellationToken);
        return collector;
    }

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync(CancellationToken.None);
        await _application.DisposeAsync();
    }

    private static async Task<byte[]> ReadAsync(HttpContext context)
    {
        await using Stream body = context.Request.Headers.ContentEncoding == "gzip" ? new GZipStream(context.Request.Body, CompressionMode.Decompress) : context.Request.Body;
        using MemoryStream all = new();
        await body.CopyToAsync(all, context.RequestAborted);
        return all.ToArray();
    }

    private async Task TakeHttpAsync(HttpContext context)
    {
        ConcurrentQueue<byte[]>? queue = context.Request.Path.Value switch { "/v1/metrics" => Metrics, "/v1/traces" => Traces, _ => null };
        if (queue is null || context.Request.Method != "POST" || context.Request.ContentType != "application/x-protobuf")
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        queue.Enqueue(await ReadAsync(context));
        context.Response.ContentType = "application/x-protobuf";
    }

    // gRPC over HTTP/2: a byte that says whether the message is compressed, its length in four bytes, the message; the status is a trailer.
    private async Task TakeGrpcAsync(HttpContext context)
    {
        ConcurrentQueue<byte[]>? queue = context.Request.Path.Value switch
        {
            GrpcPrefix + "metrics.v1.MetricsService/Export" => Metrics,
            GrpcPrefix + "trace.v1.TraceService/Export" => Traces,
            _ => null,
        };
        byte[] framed = await ReadAsync(context);
        context.Response.ContentType = "application/grpc";
        if (queue is null || framed.Length < 5 || framed[0] != 0)
        {
            context.Response.AppendTrailer("grpc-status", "12");
            return;
        }

        int length = (int)BinaryPrimitives.ReadUInt32BigEndian(framed.AsSpan(1));
        queue.Enqueue(framed[5..(5 + length)]);
        await context.Response.Body.WriteAsync(new byte[5], context.RequestAborted);
        context.Response.AppendTrailer("grpc-status", "0");
    }
}
