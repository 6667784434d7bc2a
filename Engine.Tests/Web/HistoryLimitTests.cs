using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
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

            // Somebody at another address is not kept out by them. Elsewhere than on Linux the second loopback address has to be set up first.
            if (OperatingSystem.IsLinux())
            {
                using HttpClient other = new(new SocketsHttpHandler { ConnectCallback = (context, cancellation) => ConnectAsync(IPAddress.Parse("127.0.0.2"), context.DnsEndPoint, cancellation) });
                other.DefaultRequestHeaders.Authorization = client.DefaultRequestHeaders.Authorization;
                Assert.Equal(HttpStatusCode.OK, (await other.GetAsync(new Uri(dashboard.Address, "/api/machines/m1/exits"), Cancellation)).StatusCode);
            }
        }
        finally
        {
            open.ForEach(export => export.Dispose());
        }
    }

    private static async ValueTask<Stream> ConnectAsync(IPAddress from, DnsEndPoint to, CancellationToken cancellation)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(from.MapToIPv6(), 0));
            await socket.ConnectAsync(IPAddress.Parse(to.Host).MapToIPv6(), to.Port, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
