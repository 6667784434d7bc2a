namespace Hyperpatch.Web.Configuration;

/// <summary>The section <c>Telemetry</c> of appsettings.json: metrics and traces for an OpenTelemetry collector.</summary>
public sealed class TelemetryOptions
{
    /// <summary>The collector's address (http or https), without a path for gRPC; null: nothing is sent, and nothing is measured for it.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>How it is spoken to. Default: <see cref="OtlpProtocol.Grpc"/>.</summary>
    public OtlpProtocol Protocol { get; init; }

    /// <summary>Seconds between two readings of the meters, 1 to 3600.</summary>
    public int IntervalSeconds { get; init; } = 60;

    /// <summary>Reads and checks the section.</summary>
    /// <exception cref="SettingsException">A value is not allowed or a key is not known.</exception>
    public static TelemetryOptions Read(IConfiguration configuration)
    {
        var telemetry = new SettingsSection(configuration, "Telemetry");
        telemetry.Section("Otlp");
        telemetry.RefuseUnknownKeys();
        var section = new SettingsSection(configuration, "Telemetry:Otlp");
        string? text = section.Text(nameof(Endpoint));
        Uri? endpoint = null;
        if (text is not null && (!Uri.TryCreate(text, UriKind.Absolute, out endpoint) || !IsUsable(endpoint)))
        {
            // A password in the address would be a secret: the value is not repeated where there may be one.
            throw section.Bad(nameof(Endpoint), text.Contains('@', StringComparison.Ordinal) ? "(not shown)" : text, "an address such as http://127.0.0.1:4317, without user, query and fragment, or nothing");
        }

        var options = new TelemetryOptions
        {
            Endpoint = endpoint,
            Protocol = section.Choice(nameof(Protocol), OtlpProtocol.Grpc),
            IntervalSeconds = section.Integer(nameof(IntervalSeconds), 1, 3600, 60),
        };
        section.RefuseUnknownKeys();
        return options;
    }

    private static bool IsUsable(Uri address) =>
        (address.Scheme == Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps) && address.UserInfo.Length == 0 && address.Query.Length == 0 && address.Fragment.Length == 0;
}
