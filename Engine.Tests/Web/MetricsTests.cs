using System.Net;
using System.Net.Http.Json;
using Hyperpatch.Web.Security;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>/metrics as Prometheus reads it.</summary>
public sealed class MetricsTests
{
    private static readonly Uri s_metrics = new("/metrics", UriKind.Relative);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Exits_are_counted_by_machine_and_reason()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        HttpResponseMessage made = await client.PostAsJsonAsync("/api/machines", new { guest = "mixed", start = true }, Cancellation);
        made.EnsureSuccessStatusCode();
        string text = "";
        for (int attempt = 0; attempt < 100 && !text.Contains("hyperpatch_exits", StringComparison.Ordinal); attempt++)
        {
            await Task.Delay(100, Cancellation);
            text = await client.GetStringAsync(s_metrics, Cancellation);
        }

        Assert.Matches("(?m)^hyperpatch_exits[a-z_]*\\{[^}]*machine=\"m1\"[^}]*reason=\"[A-Za-z]+\"[^}]*\\} [0-9]+", text);
    }

    [Fact]
    public async Task Without_a_token_a_program_gets_401_and_no_page()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        using HttpClient client = dashboard.Client(null);
        HttpResponseMessage response = await client.GetAsync(s_metrics, Cancellation);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.NotEqual("text/html", response.Content.Headers.ContentType?.MediaType);
    }
}
