using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Hyperpatch.Web.Security;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>The HTTP API on a real server.</summary>
public sealed class ApiTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("""{"guest":"nope"}""", "guest")]
    [InlineData("""{}""", "guest")]
    [InlineData("""{"guest":"hello","processors":0}""", "processors")]
    [InlineData("""{"guest":"hello","processors":65}""", "processors")]
    [InlineData("""{"guest":"hello","processors":"two"}""", "processors")]
    [InlineData("""{"guest":"hello","memoryMiB":0}""", "memoryMiB")]
    [InlineData("""{"guest":"hello","memoryMiB":1}""", "memoryMiB")]
    [InlineData("""{"guest":"hello","memoryMiB":99999999}""", "memoryMiB")]
    [InlineData("""{"guest":"hello","vendor":"via"}""", "vendor")]
    [InlineData("""{"guest":"hello","policy":"1"}""", "policy")]
    [InlineData("""{"guest":"hello","accelerator":"xen"}""", "accelerator")]
    [InlineData("""{"guest":"hello","accelerator":"kvm","deterministic":true}""", "deterministic")]
    [InlineData("""{"guest":"hello","deterministic":"yes"}""", "deterministic")]
    [InlineData("""{"guest":"hello","commandLine":"no-such-word"}""", "commandLine")]
    [InlineData("""{"guest":"hello","gest":1}""", "gest")]
    [InlineData("{", "body")]
    [InlineData("""[]""", "body")]
    public async Task A_bad_machine_is_400_with_the_field_named(string body, string field)
    {
        // Without an accelerator: what is wrong with the request is said before what is wrong with the host.
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        using StringContent content = new(body, System.Text.Encoding.UTF8, "application/json");
        HttpResponseMessage response = await client.PostAsync(new Uri("/api/machines", UriKind.Relative), content, Cancellation);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        JsonElement problem = await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.True(problem.GetProperty("errors").TryGetProperty(field, out _), problem.ToString());
    }

    [Fact]
    public async Task Without_an_accelerator_a_machine_is_422_with_its_sentence_and_the_host_says_why()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(new Dictionary<string, string?> { ["Demo:Enabled"] = "true" }, withoutAccelerator: true);
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        HttpResponseMessage response = await client.PostAsJsonAsync("/api/machines", new { guest = "hello" }, Cancellation);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, response.StatusCode);
        Assert.Contains("add yourself to the group kvm", await response.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);

        JsonElement host = await client.GetFromJsonAsync<JsonElement>("/api/host", Cancellation);
        JsonElement kvm = Assert.Single(host.GetProperty("accelerators").EnumerateArray());
        Assert.False(kvm.GetProperty("available").GetBoolean());
        Assert.Contains("permission denied", kvm.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Empty((await client.GetFromJsonAsync<JsonElement>("/api/machines", Cancellation)).EnumerateArray());
    }

    [Fact]
    public async Task Roles_are_kept()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        using HttpClient nobody = dashboard.Client(null);
        using HttpClient viewer = dashboard.Client(AccessRole.Viewer);
        Assert.Equal(HttpStatusCode.Unauthorized, (await nobody.GetAsync(new Uri("/api/machines", UriKind.Relative), Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await viewer.GetAsync(new Uri("/api/machines", UriKind.Relative), Cancellation)).StatusCode);
        HttpResponseMessage refused = await viewer.PostAsJsonAsync("/api/machines", new { guest = "hello" }, Cancellation);
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.Equal("application/problem+json", refused.Content.Headers.ContentType?.MediaType);
        Assert.Equal(HttpStatusCode.OK, (await nobody.GetAsync(new Uri("/healthz", UriKind.Relative), Cancellation)).StatusCode);
    }

    [Fact]
    public async Task A_deterministic_machine_says_so_and_auto_takes_the_processor_in_software_for_it()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        HttpResponseMessage response = await client.PostAsJsonAsync("/api/machines", new { guest = "hello", accelerator = "auto", deterministic = true }, Cancellation);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        JsonElement machine = await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.True(machine.GetProperty("deterministic").GetBoolean());
        Assert.Equal("software", machine.GetProperty("accelerator").GetString());
    }

    [Fact]
    public async Task A_machine_lives_from_creation_to_deletion()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        HttpResponseMessage created = await client.PostAsJsonAsync("/api/machines", new { guest = "mixed", name = "one", start = true }, Cancellation);
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        string path = created.Headers.Location!.ToString();

        Assert.Equal(HttpStatusCode.Conflict, (await PostAsync(client, path + "/step")).StatusCode);
        Assert.Equal("paused", (await StateAsync(await PostAsync(client, path + "/pause"))).GetProperty("state").GetString());
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync(client, path + "/step?processor=63")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await PostAsync(client, path + "/step")).StatusCode);
        HttpResponseMessage amd = await client.PutAsJsonAsync(path + "/vendor", new { vendor = "amd" }, Cancellation);
        Assert.Equal("amd", (await StateAsync(amd)).GetProperty("vendor").GetString());
        HttpResponseMessage emulate = await client.PutAsJsonAsync(path + "/policy", new { policy = "emulate" }, Cancellation);
        Assert.Equal("emulate", (await StateAsync(emulate)).GetProperty("policy").GetString());
        Assert.Equal("running", (await StateAsync(await PostAsync(client, path + "/run"))).GetProperty("state").GetString());

        // The guest has only just begun: its first hypercall may still be to come.
        JsonElement exits = default;
        await Patience.UntilAsync("a recorded hypercall", async () =>
        {
            exits = await client.GetFromJsonAsync<JsonElement>(path + "/exits?limit=5&reason=hypercall", Cancellation);
            return exits.GetArrayLength() > 0;
        });
        Assert.True(exits.GetArrayLength() <= 5);
        Assert.All(exits.EnumerateArray(), exit => Assert.Equal("Hypercall", exit.GetProperty("reason").GetString()));
        string trace = await client.GetStringAsync(new Uri(path + "/export?format=chrome-trace", UriKind.Relative), Cancellation);
        using JsonDocument parsed = JsonDocument.Parse(trace);

        // A trace without a single exit still has its metadata (phase M).
        Assert.Contains(parsed.RootElement.GetProperty("traceEvents").EnumerateArray(), one => one.GetProperty("ph").GetString() == "X");

        Assert.Equal(HttpStatusCode.NoContent, (await client.DeleteAsync(new Uri(path, UriKind.Relative), Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await client.DeleteAsync(new Uri(path, UriKind.Relative), Cancellation)).StatusCode);
    }

    [Fact]
    public async Task There_are_no_more_machines_than_the_settings_allow()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(new Dictionary<string, string?> { ["Engine:MaximumMachines"] = "1" });
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        Assert.Equal(HttpStatusCode.Created, (await client.PostAsJsonAsync("/api/machines", new { guest = "hello" }, Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await client.PostAsJsonAsync("/api/machines", new { guest = "hello" }, Cancellation)).StatusCode);
    }

    private static Task<HttpResponseMessage> PostAsync(HttpClient client, string path) =>
        client.PostAsync(new Uri(path, UriKind.Relative), null, Cancellation);

    private static async Task<JsonElement> StateAsync(HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
    }
}
