using Hyperpatch.Web;
using Hyperpatch.Web.Configuration;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>Settings that the program cannot start with: one line each, naming the key or what is wrong with it.</summary>
public sealed class StartSettingsTests
{
    [Theory]
    [InlineData("localhost", "--urls=http://localhost:0")]
    [InlineData("unix", "--urls=http://unix:/tmp/hyperpatch.sock")]
    [InlineData("Loud", "--urls=http://127.0.0.1:0", "--Logging:LogLevel:Default=Loud")]
    [InlineData("Kestrel:Endpoints:a:Url", "--Kestrel:Endpoints:a:Url=rubbish")]
    [InlineData("Kestrel:Endpoints:a:Url", "--Kestrel:Endpoints:a:Ur=x")]
    [InlineData("Securty", "--Securty:Mode=None")]
    [InlineData("url", "--url", "http://127.0.0.1:0")]
    [InlineData("rubbish", "--urls", "http://127.0.0.1:0", "rubbish")]
    [InlineData("Telemetry", "--urls=http://127.0.0.1:0", "--Telemetry=yes")]
    [InlineData("Telemetry:Otlp", "--urls=http://127.0.0.1:0", "--Telemetry:Otlp=http://127.0.0.1:4317")]
    [InlineData("Security", "--urls=http://127.0.0.1:0", "--Security=None")]
    [InlineData("Security:KnownProxies", "--urls=http://127.0.0.1:0", "--Security:KnownProxies=192.0.2.7, nowhere")]
    [InlineData("Engine", "--urls=http://127.0.0.1:0", "--Engine", "kvm")]
    [InlineData("Demo", "--urls=http://127.0.0.1:0", "--Demo=false")]
    [InlineData("Logging", "--urls=http://127.0.0.1:0", "--Logging=Debug")]
    [InlineData("Logging:LogLevel", "--urls=http://127.0.0.1:0", "--Logging:LogLevel=Debug")]
    [InlineData("Kestrel", "--urls=http://127.0.0.1:0", "--Kestrel=fast")]
    [InlineData("Kestrel:Endpoints", "--urls=http://127.0.0.1:0", "--Kestrel:Endpoints=http://127.0.0.1:0")]
    public async Task A_start_that_cannot_be_is_one_line(string named, params string[] arguments)
    {
        SettingsException error = await Assert.ThrowsAsync<SettingsException>(async () =>
        {
            await using HyperpatchApplication application = HyperpatchApplication.Create([.. arguments, "--Demo:Enabled=false"]);
            await application.StartAsync(TestContext.Current.CancellationToken);
        });
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }
}
