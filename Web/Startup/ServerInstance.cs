namespace Hyperpatch.Web.Startup;

/// <summary>Tells one start of the server from another, so that a page that was cut off can say what happened.</summary>
public sealed class ServerInstance
{
    /// <summary>Header of /healthz that carries it.</summary>
    public const string Header = "Hyperpatch-Instance";

    /// <summary>Different at each start, and nothing else.</summary>
    public string Id { get; } = Guid.NewGuid().ToString("N");
}
