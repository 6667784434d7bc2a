using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Web.Security;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>Handling times over HTTP, against the recorded exits that they are of.</summary>
public sealed class LatencyApiTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Percentiles_and_histogram_agree_with_the_recorded_exits()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        string path = await RunAsync(client);

        // Within the minute of the test all of it is in the history; its last column comes a second after the last exit.
        JsonElement[] reasons = [];
        await Patience.UntilAsync("the last second has its column", async () =>
        {
            reasons = Reasons(await GetAsync(client, $"{path}/latency?range=1m"));
            return Counts(reasons).SequenceEqual(Counts(Reasons(await GetAsync(client, $"{path}/latency"))));
        });
        JsonElement report = await GetAsync(client, $"{path}/latency");
        Assert.Equal(("all", 0.125), (report.GetProperty("range").GetString(), report.GetProperty("errorBound").GetDouble()));
        JsonElement machine = await GetAsync(client, path);
        reasons = Reasons(report);
        Assert.Equal("all", reasons[0].GetProperty("reason").GetString());
        Assert.Equal(reasons[1..].Sum(Count), Count(reasons[0]));
        List<JsonElement> exits = await ExitsAsync(client, path);
        bool isWhole = machine.GetProperty("counters").GetProperty("droppedEvents").GetInt64() == 0 && exits.Count == machine.GetProperty("counters").GetProperty("exits").GetInt64();
        Assert.True(isWhole, "the journal has lost none of the few exits of this test");
        foreach (JsonElement reason in reasons[1..])
        {
            string name = reason.GetProperty("reason").GetString()!;
            long[] exact = [.. exits.Where(exit => exit.GetProperty("reason").GetString() == name).Select(exit => exit.GetProperty("durationNs").GetInt64()).Order()];
            Assert.Equal(exact.Length, Count(reason));
            Assert.Equal(exact.Length, reason.GetProperty("buckets").EnumerateArray().Sum(bucket => bucket.GetProperty("count").GetInt64()));
            Assert.All(reason.GetProperty("buckets").EnumerateArray(), bucket => Assert.Equal(
                exact.Count(ns => ns >= bucket.GetProperty("fromNs").GetDouble() && ns < bucket.GetProperty("toNs").GetDouble()), bucket.GetProperty("count").GetInt64()));
            JsonElement times = reason.GetProperty("times");
            Assert.Equal(exact[^1], times.GetProperty("maxNs").GetDouble());
            foreach ((string figure, double share) in new[] { ("p50Ns", 0.5), ("p90Ns", 0.9), ("p99Ns", 0.99) })
            {
                double nearestRank = exact[(int)Math.Ceiling(share * exact.Length) - 1];
                // Half a nanosecond more: figures are whole.
                Assert.InRange(times.GetProperty(figure).GetDouble(), (nearestRank * (1 - LatencyHistogram.ErrorBound)) - 0.5, (nearestRank * (1 + LatencyHistogram.ErrorBound)) + 0.5);
            }
        }
    }

    [Fact]
    public async Task The_history_adds_up_to_the_counters_and_takes_a_reason()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        string path = await RunAsync(client);
        foreach ((string query, string? reason) in new[] { ("range=1m", null), ("range=1h", null), ("reason=hypercall", "Hypercall"), ("range=15m&reason=PortIo", "PortIo") })
        {
            JsonElement map = default;
            await Patience.UntilAsync($"{query}: all exits have their column", async () =>
            {
                map = await GetAsync(client, $"{path}/latency/history?{query}");
                JsonElement[] told = Reasons(await GetAsync(client, $"{path}/latency{(reason is null ? null : $"?reason={reason}")}"));
                return Count(told[0]) == Columns(map).Sum(column => Cells(column).Where((_, index) => index % 2 == 1).Sum());
            });
            Assert.Equal(reason, map.GetProperty("reason").GetString());
            Assert.Equal(LatencyHistogram.BucketCount + 1, map.GetProperty("boundsNs").GetArrayLength());
            JsonElement[] columns = Columns(map);
            Assert.All(columns, column => Assert.True(column.GetProperty("from").GetDouble() < column.GetProperty("to").GetDouble()));
            Assert.Equal(columns.Select(column => column.GetProperty("to").GetDouble()).Order(), columns.Select(column => column.GetProperty("to").GetDouble()));
        }

        JsonElement[] alone = Reasons(await GetAsync(client, $"{path}/latency?reason=hypercall&range=5m"));
        Assert.Equal("Hypercall", Assert.Single(alone).GetProperty("reason").GetString());
    }

    [Fact]
    public async Task Hypercalls_are_told_with_their_latest_call_and_their_times()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        string path = await RunAsync(client);
        List<JsonElement> calls = [.. (await ExitsAsync(client, path)).Where(exit => exit.GetProperty("hypercall").ValueKind == JsonValueKind.Number)];
        JsonElement[] listed = [];
        await Patience.UntilAsync("a frame after the last call", async () =>
        {
            listed = [.. (await GetAsync(client, $"{path}/hypercalls")).EnumerateArray()];

            // A call is counted a moment before its record is read: until then, a first one has no times.
            return listed.Sum(one => one.GetProperty("times") is { ValueKind: JsonValueKind.Object } times ? times.GetProperty("count").GetInt64() : 0) == calls.Count;
        });
        foreach (JsonElement one in listed)
        {
            JsonElement[] own = [.. calls.Where(call => call.GetProperty("hypercall").GetInt64() == one.GetProperty("number").GetInt64())];
            Assert.Equal((own.Length, own.Length), (one.GetProperty("count").GetInt64(), one.GetProperty("times").GetProperty("count").GetInt64()));
            Assert.Equal(own[^1].GetProperty("result").GetInt64(), one.GetProperty("lastResult").GetInt64());
            Assert.Equal(own[^1].GetProperty("arguments").GetRawText(), one.GetProperty("lastArguments").GetRawText());
            Assert.Equal(own.Max(call => call.GetProperty("durationNs").GetInt64()), one.GetProperty("times").GetProperty("maxNs").GetDouble());
        }
    }

    [Theory]
    [InlineData("latency?range=2h", "range")]
    [InlineData("latency?reason=nonsense", "reason")]
    [InlineData("latency/history?range=all", "range")]
    [InlineData("latency/history?reason=5", "reason")]
    public async Task What_is_no_range_or_reason_is_400_with_the_name(string query, string field)
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        string path = await Dashboard.CreateMachineAsync(client, "hello");
        HttpResponseMessage response = await client.GetAsync(new Uri($"{path}/{query}", UriKind.Relative), Cancellation);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.True((await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation)).GetProperty("errors").TryGetProperty(field, out _));
    }

    [Fact]
    public async Task A_machine_that_has_not_run_has_no_times_and_one_that_is_not_there_is_404()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        string path = await Dashboard.CreateMachineAsync(client, "hello");
        Assert.Empty(Reasons(await GetAsync(client, $"{path}/latency")));
        Assert.Empty(Reasons(await GetAsync(client, $"{path}/latency?range=1h")));
        foreach (string call in new[] { "latency", "latency/history", "hypercalls" })
        {
            Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync(new Uri($"/api/machines/none/{call}", UriKind.Relative), Cancellation)).StatusCode);
        }
    }

    // A machine that has made some exits of several kinds, and is paused.
    private static async Task<string> RunAsync(HttpClient client)
    {
        HttpResponseMessage created = await client.PostAsJsonAsync("/api/machines", new { guest = "mixed", start = true }, Cancellation);
        string path = created.Headers.Location!.ToString();
        await Patience.UntilAsync("hypercalls and port accesses", async () =>
        {
            JsonElement[] reasons = Reasons(await GetAsync(client, $"{path}/latency"));
            return new[] { "Hypercall", "PortIo" }.All(name => reasons.Any(reason => reason.GetProperty("reason").GetString() == name && Count(reason) > 3));
        });
        Assert.Equal(HttpStatusCode.OK, (await client.PostAsync(new Uri($"{path}/pause", UriKind.Relative), null, Cancellation)).StatusCode);
        return path;
    }

    private static async Task<List<JsonElement>> ExitsAsync(HttpClient client, string path)
    {
        List<JsonElement> exits = [];
        for (long after = 0; ;)
        {
            JsonElement[] page = [.. (await GetAsync(client, $"{path}/exits?limit=1000&after={after}")).EnumerateArray()];
            if (page.Length == 0)
            {
                return exits;
            }

            exits.AddRange(page);
            after = page[^1].GetProperty("sequence").GetInt64();
        }
    }

    private static JsonElement[] Reasons(JsonElement report) => [.. report.GetProperty("reasons").EnumerateArray()];

    private static JsonElement[] Columns(JsonElement map) => [.. map.GetProperty("columns").EnumerateArray()];

    private static IEnumerable<long> Cells(JsonElement column) => column.GetProperty("cells").EnumerateArray().Select(cell => cell.GetInt64());

    private static long Count(JsonElement reason) => reason.GetProperty("times").GetProperty("count").GetInt64();

    private static IEnumerable<(string?, long)> Counts(IEnumerable<JsonElement> reasons) => reasons.Select(reason => (reason.GetProperty("reason").GetString(), Count(reason)));

    private static Task<JsonElement> GetAsync(HttpClient client, string path) => client.GetFromJsonAsync<JsonElement>(path, Cancellation);
}
