using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Hyperpatch.Web.Security;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>Stories and single steps over HTTP.</summary>
public sealed class StoryApiTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_patch_is_told_and_stepped_through()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        using HttpClient viewer = dashboard.Client(AccessRole.Viewer);
        HttpResponseMessage created = await client.PostAsJsonAsync("/api/machines", new { guest = "mixed", vendor = "amd", processors = 1 }, Cancellation);
        string path = created.Headers.Location!.ToString();
        Assert.Equal(HttpStatusCode.NotFound, (await viewer.GetAsync(new Uri(path + "/story", UriKind.Relative), Cancellation)).StatusCode);
        (await client.PostAsJsonAsync(path + "/pause-points", new { kind = "patch", once = true }, Cancellation)).EnsureSuccessStatusCode();
        await PostAsync(client, path + "/run");
        await Patience.UntilAsync("a pause", async () => (await GetAsync(viewer, path)).GetProperty("state").GetString() == "paused");

        JsonElement story = await GetAsync(viewer, path + "/story");
        long sequence = story.GetProperty("exit").GetProperty("sequence").GetInt64();
        JsonElement action = Step(story, "action");
        string after = action.GetProperty("after").GetString()!;
        Assert.EndsWith("D9", after, StringComparison.Ordinal);
        Assert.True(Step(story, "sequel").GetProperty("isPending").GetBoolean());
        Assert.Equal(0, (await GetAsync(viewer, path + "/steps")).GetArrayLength());

        // The step executes the repaired instruction: a hypercall.
        await PostAsync(client, path + "/step?processor=0");
        JsonElement told = await GetAsync(viewer, $"{path}/story?event={sequence}");
        Assert.False(Step(told, "sequel").GetProperty("isPending").GetBoolean());
        Assert.Contains(Step(told, "sequel").GetProperty("facts").EnumerateArray(), fact => fact.GetProperty("name").GetString() == "Hypercall");
        JsonElement step = Assert.Single((await GetAsync(viewer, path + "/steps")).EnumerateArray());
        Assert.Equal((after, "vmmcall"), (step.GetProperty("bytes").GetString(), step.GetProperty("instruction").GetString()));
        JsonElement rip = Assert.Single(step.GetProperty("changes").EnumerateArray(), change => change.GetProperty("name").GetString() == "RIP");
        Assert.Equal(after.Split(' ').Length, (int)(Number(rip, "after") - Number(rip, "before")));

        // Any exit can be told; one that is not there is not made up.
        Assert.Equal(JsonValueKind.String, (await GetAsync(viewer, $"{path}/story?event={sequence + 1}")).GetProperty("title").ValueKind);
        Assert.Equal(HttpStatusCode.NotFound, (await viewer.GetAsync(new Uri($"{path}/story?event=999999999", UriKind.Relative), Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await viewer.GetAsync(new Uri($"{path}/story?event=0", UriKind.Relative), Cancellation)).StatusCode);

        await PostAsync(client, path + "/run");
        Assert.Equal(0, (await GetAsync(viewer, path + "/steps")).GetArrayLength());
    }

    private static JsonElement Step(JsonElement story, string id) =>
        Assert.Single(story.GetProperty("steps").EnumerateArray(), step => step.GetProperty("id").GetString() == id);

    private static ulong Number(JsonElement change, string name) => Convert.ToUInt64(change.GetProperty(name).GetString(), 16);

    private static async Task<JsonElement> GetAsync(HttpClient client, string path)
    {
        HttpResponseMessage response = await client.GetAsync(new Uri(path, UriKind.Relative), Cancellation);
        Assert.True(response.IsSuccessStatusCode, $"{path}: {response.StatusCode} {await response.Content.ReadAsStringAsync(Cancellation)}");
        return await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
    }

    private static async Task PostAsync(HttpClient client, string path) =>
        (await client.PostAsync(new Uri(path, UriKind.Relative), null, Cancellation)).EnsureSuccessStatusCode();
}
