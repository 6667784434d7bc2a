using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Views;
using Hyperpatch.Web.Security;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>Pause points over HTTP and over the hub.</summary>
public sealed class PausePointApiTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_point_pauses_the_machine_which_says_why_until_it_goes_on()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        string path = await Dashboard.CreateMachineAsync(client, "mixed");
        HttpResponseMessage added = await client.PostAsJsonAsync(path + "/pause-points", new { kind = "exit", reason = "hypercall", once = true }, Cancellation);
        Assert.Equal(HttpStatusCode.Created, added.StatusCode);
        JsonElement point = await added.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.Equal($"{path}/pause-points/{point.GetProperty("id").GetInt32()}", added.Headers.Location!.ToString());
        Assert.Equal("Hypercall", point.GetProperty("reason").GetString());
        Assert.Equal(JsonValueKind.Null, point.GetProperty("address").ValueKind);
        Assert.Equal("exit Hypercall", Assert.Single((await ListAsync(client, path)).EnumerateArray()).GetProperty("text").GetString());

        (await client.PostAsync(new Uri(path + "/run", UriKind.Relative), null, Cancellation)).EnsureSuccessStatusCode();
        JsonElement machine = default;
        await Patience.UntilAsync("a pause", async () =>
        {
            machine = await client.GetFromJsonAsync<JsonElement>(path, Cancellation);
            return machine.GetProperty("state").GetString() == "paused";
        });
        JsonElement cause = machine.GetProperty("pausedBy");
        Assert.Equal(point.GetProperty("id").GetInt32(), cause.GetProperty("point").GetInt32());
        long sequence = cause.GetProperty("sequence").GetInt64();
        JsonElement exit = Assert.Single((await client.GetFromJsonAsync<JsonElement>($"{path}/exits?after={sequence - 1}&limit=1", Cancellation)).EnumerateArray());
        Assert.Equal("Hypercall", exit.GetProperty("reason").GetString());
        Assert.Equal(cause.GetProperty("rip").GetString(), exit.GetProperty("rip").GetString());
        Assert.Empty((await ListAsync(client, path)).EnumerateArray());

        HttpResponseMessage run = await client.PostAsync(new Uri(path + "/run", UriKind.Relative), null, Cancellation);
        Assert.Equal(JsonValueKind.Null, (await run.Content.ReadFromJsonAsync<JsonElement>(Cancellation)).GetProperty("pausedBy").ValueKind);
    }

    [Fact]
    public async Task Points_are_replaced_and_removed()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        string path = await Dashboard.CreateMachineAsync(client, "mixed");
        HttpResponseMessage put = await client.PutAsJsonAsync(
            path + "/pause-points",
            new { points = new object[] { new { kind = "address", address = "0xFFFFFFFF81000000", processor = 0 }, new { kind = "hypercall", number = 5 }, new { kind = "patch" } } },
            Cancellation);
        Assert.Equal(HttpStatusCode.OK, put.StatusCode);
        List<JsonElement> points = [.. (await ListAsync(client, path)).EnumerateArray()];
        Assert.Equal(["address", "hypercall", "patch"], points.Select(point => point.GetProperty("kind").GetString()!));
        Assert.Equal("0xFFFFFFFF81000000", points[0].GetProperty("address").GetString());
        Assert.Equal("hypercall KICK_CPU (5)", points[1].GetProperty("text").GetString());

        Uri second = new($"{path}/pause-points/{points[1].GetProperty("id").GetInt32()}", UriKind.Relative);
        Assert.Equal(HttpStatusCode.NoContent, (await client.DeleteAsync(second, Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await client.DeleteAsync(second, Cancellation)).StatusCode);
        Assert.Equal(2, (await ListAsync(client, path)).GetArrayLength());
        Assert.Equal(HttpStatusCode.NoContent, (await client.DeleteAsync(new Uri(path + "/pause-points", UriKind.Relative), Cancellation)).StatusCode);
        Assert.Equal(0, (await ListAsync(client, path)).GetArrayLength());
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync(new Uri("/api/machines/m999/pause-points", UriKind.Relative), Cancellation)).StatusCode);
    }

    [Fact]
    public async Task Bad_points_are_400_with_the_field_named_and_change_nothing()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        string path = await Dashboard.CreateMachineAsync(client, "mixed");
        foreach ((string body, string field) in ((string, string)[])
        [
            ("{}", "kind"),
            ("""{"kind":"0"}""", "kind"),
            ("""{"kind":"address"}""", "address"),
            ("""{"kind":"address","address":"1234"}""", "address"),
            ("""{"kind":"address","address":"0x12345678123456789"}""", "address"),
            ("""{"kind":"address","address":4096}""", "address"),
            ("""{"kind":"patch","address":"0x1"}""", "address"),
            ("""{"kind":"exit","reason":"Interrupted"}""", "reason"),
            ("""{"kind":"exit","reason":"3"}""", "reason"),
            ("""{"kind":"hypercall"}""", "number"),
            ("""{"kind":"hypercall","number":-1}""", "number"),
            ("""{"kind":"patch","processor":64}""", "processor"),
            ("""{"kind":"patch","processor":-1}""", "processor"),
            ("""{"kind":"patch","onse":true}""", "onse"),
        ])
        {
            await ExpectBadAsync(await SendAsync(client, HttpMethod.Post, path, body), field);
            string expected = field is "onse" || body.Contains("4096", StringComparison.Ordinal) ? field : $"points[1].{field}";
            HttpResponseMessage put = await SendAsync(client, HttpMethod.Put, path, $$"""{"points":[{"kind":"patch"},{{body}}]}""");
            Assert.Equal(HttpStatusCode.BadRequest, put.StatusCode);
            Assert.Contains(expected, await put.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        }

        await ExpectBadAsync(await SendAsync(client, HttpMethod.Put, path, "{}"), "points");
        string many = string.Join(',', Enumerable.Repeat("""{"kind":"patch"}""", 65));
        await ExpectBadAsync(await SendAsync(client, HttpMethod.Put, path, $$"""{"points":[{{many}}]}"""), "points");
        string addresses = string.Join(',', Enumerable.Range(0, 65).Select(i => $$"""{"kind":"address","address":"0x{{i:X}}"}"""));
        await ExpectBadAsync(await SendAsync(client, HttpMethod.Put, path, $$"""{"points":[{{addresses}}]}"""), "points");
        Assert.Equal(0, (await ListAsync(client, path)).GetArrayLength());
    }

    [Fact]
    public async Task Viewers_may_look_and_not_change()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        using HttpClient viewer = dashboard.Client(AccessRole.Viewer);
        string path = await Dashboard.CreateMachineAsync(client, "mixed");
        Assert.Equal(HttpStatusCode.OK, (await viewer.GetAsync(new Uri(path + "/pause-points", UriKind.Relative), Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await SendAsync(viewer, HttpMethod.Post, path, """{"kind":"patch"}""")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await SendAsync(viewer, HttpMethod.Put, path, """{"points":[]}""")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await viewer.DeleteAsync(new Uri(path + "/pause-points", UriKind.Relative), Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await viewer.DeleteAsync(new Uri(path + "/pause-points/1", UriKind.Relative), Cancellation)).StatusCode);
    }

    [Fact]
    public async Task The_hub_does_the_same()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        string path = await Dashboard.CreateMachineAsync(client, "mixed");
        string id = path[(path.LastIndexOf('/') + 1)..];
        await using HubConnection operators = await dashboard.ConnectAsync(AccessRole.Operator);
        await using HubConnection viewers = await dashboard.ConnectAsync(AccessRole.Viewer);
        PausePointView point = await operators.InvokeAsync<PausePointView>("AddPausePoint", id, new PausePointRequest { Kind = "address", Address = "0x1000" }, Cancellation);
        Assert.Equal(point, Assert.Single(await viewers.InvokeAsync<IReadOnlyList<PausePointView>>("PausePoints", id, Cancellation)));
        HubException bad = await Assert.ThrowsAsync<HubException>(
            () => operators.InvokeAsync<PausePointView>("AddPausePoint", id, new PausePointRequest { Kind = "nowhere" }, Cancellation));
        Assert.Contains("invalid-opcode", bad.Message, StringComparison.Ordinal);
        HubException refused = await Assert.ThrowsAsync<HubException>(() => viewers.InvokeAsync<MachineView>("RemovePausePoint", id, point.Id, Cancellation));
        Assert.Contains("only operators", refused.Message, StringComparison.Ordinal);
        Assert.Equal(id, (await operators.InvokeAsync<MachineView>("RemovePausePoint", id, point.Id, Cancellation)).Id);
        Assert.Single(await operators.InvokeAsync<IReadOnlyList<PausePointView>>(
            "SetPausePoints", id, new[] { new PausePointRequest { Kind = "patch" } }, Cancellation));
    }

    private static Task<JsonElement> ListAsync(HttpClient client, string path) => client.GetFromJsonAsync<JsonElement>(path + "/pause-points", Cancellation);

    private static async Task<HttpResponseMessage> SendAsync(HttpClient client, HttpMethod method, string path, string body)
    {
        using StringContent content = new(body, System.Text.Encoding.UTF8, "application/json");
        using HttpRequestMessage request = new(method, path + "/pause-points") { Content = content };
        return await client.SendAsync(request, Cancellation);
    }

    private static async Task ExpectBadAsync(HttpResponseMessage response, string field)
    {
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        JsonElement problem = await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.True(problem.GetProperty("errors").TryGetProperty(field, out _), $"{field}: {problem}");
    }
}
