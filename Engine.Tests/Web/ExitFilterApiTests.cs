using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Hyperpatch.Web.Security;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>Filters of the list of exits and of its file: the same for both.</summary>
public sealed class ExitFilterApiTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Lists_and_files_hold_what_was_asked_for()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        HttpResponseMessage created = await client.PostAsJsonAsync("/api/machines", new { guest = "mixed", start = true }, Cancellation);
        string path = created.Headers.Location!.ToString();
        JsonElement[] all = [];
        await Patience.UntilAsync("hypercalls and port accesses", async () =>
        {
            all = await ListAsync(client, $"{path}/exits?limit=1000");
            return all.Count(exit => exit.GetProperty("hypercall").ValueKind == JsonValueKind.Number) > 3 && all.Count(exit => exit.GetProperty("port").ValueKind == JsonValueKind.Number) > 3;
        });
        Assert.Equal(HttpStatusCode.OK, (await client.PostAsync(new Uri($"{path}/pause", UriKind.Relative), null, Cancellation)).StatusCode);

        JsonElement call = all.First(exit => exit.GetProperty("hypercall").ValueKind == JsonValueKind.Number);
        long number = call.GetProperty("hypercall").GetInt64();
        int port = all.First(exit => exit.GetProperty("port").ValueKind == JsonValueKind.Number).GetProperty("port").GetInt32();
        string rip = call.GetProperty("rip").GetString()!;
        foreach ((string filter, Func<JsonElement, bool> fits) in new (string, Func<JsonElement, bool>)[]
        {
            ($"hypercall={number}", exit => exit.GetProperty("hypercall").ValueKind == JsonValueKind.Number && exit.GetProperty("hypercall").GetInt64() == number),
            ($"port=0x{port:X}", exit => exit.GetProperty("port").ValueKind == JsonValueKind.Number && exit.GetProperty("port").GetInt32() == port),
            ($"ripFrom={rip}&ripTo={rip}", exit => exit.GetProperty("rip").GetString() == rip),
        })
        {
            JsonElement[] listed = await ListAsync(client, $"{path}/exits?limit=1000&{filter}");
            Assert.NotEmpty(listed);
            Assert.All(listed, exit => Assert.True(fits(exit), $"{filter}: {exit}"));
            string lines = await client.GetStringAsync(new Uri($"{path}/export?format=jsonl&{filter}", UriKind.Relative), Cancellation);
            IEnumerable<long> sequences = lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("sequence").GetInt64());
            Assert.Equal(listed.Select(exit => exit.GetProperty("sequence").GetInt64()), sequences.Take(listed.Length));
            string csv = await client.GetStringAsync(new Uri($"{path}/export?format=csv&{filter}", UriKind.Relative), Cancellation);
            Assert.StartsWith(listed[0].GetProperty("sequence").GetInt64().ToString(CultureInfo.InvariantCulture) + ",", csv.Split("\r\n")[1], StringComparison.Ordinal);
        }

        Assert.Empty(await ListAsync(client, $"{path}/exits?ripFrom=0xFFFFFFFFFFFFFFFF"));
    }

    [Theory]
    [InlineData("exits?port=x", "port")]
    [InlineData("exits?ripFrom=2&ripTo=1", "ripTo")]
    [InlineData("export?hypercall=-1", "hypercall")]
    [InlineData("export?format=xml&port=x", "format")]
    public async Task What_is_no_filter_is_400_with_the_name(string query, string field)
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        HttpResponseMessage created = await client.PostAsJsonAsync("/api/machines", new { guest = "hello" }, Cancellation);
        HttpResponseMessage response = await client.GetAsync(new Uri($"{created.Headers.Location}/{query}", UriKind.Relative), Cancellation);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.True((await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation)).GetProperty("errors").TryGetProperty(field, out _));
    }

    private static async Task<JsonElement[]> ListAsync(HttpClient client, string path) =>
        [.. (await client.GetFromJsonAsync<JsonElement>(path, Cancellation)).EnumerateArray()];
}
