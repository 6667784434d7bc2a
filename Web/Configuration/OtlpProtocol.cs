namespace Hyperpatch.Web.Configuration;

/// <summary>How telemetry travels to an OpenTelemetry collector.</summary>
public enum OtlpProtocol
{
    /// <summary>OTLP/gRPC, HTTP/2; collectors listen for it at port 4317.</summary>
    Grpc,

    /// <summary>OTLP/HTTP with protobuf bodies; collectors listen for it at port 4318.</summary>
    Http,
}
