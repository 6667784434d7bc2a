using System.Net;
using System.Net.Http.Json;
using Hyperpatch.Web.Security;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>Reading recorded exits is limited to a few requests at a time.</summary>
public sealed class HistoryLimitTests
{
    private const int AtOnce = 4;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_more_than_a_few_is_429_with_problem_details()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(new Dictionary<string, string?> { ["Engine:HistorySize"] = "1000000" });
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        (await client.PostAsJsonAsync("/api/machines", new { guest = "exit-storm", start = true }, Cancellation)).EnsureSuccessStatusCode();
        await Task.Delay(TimeSpan.FromSeconds(3), Cancellation);

        // Nobody takes what these send: they last until the connection's buffers are read.
        List<HttpResponseMessage> open = [];
        try
        {
            for (int i = 0; i < AtOnce; i++)
            {
                HttpResponseMessage export = await client.GetAsync(
                    new Uri("/api/machines/m1/export", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, Cancellation);
                Assert.Equal(HttpStatusCode.OK, export.StatusCode);
                open.Add(export);
            }

            HttpResponseMessage refused = await client.GetAsync(new Uri("/api/machines/m1/exits", UriKind.Relative), Cancellation);
            Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
            Assert.Equal("application/problem+json", refused.Content.Headers.ContentType?.MediaType);
        }
        finally
        {
            open.ForEach(export => export.Dispose());
        }
    }
}
