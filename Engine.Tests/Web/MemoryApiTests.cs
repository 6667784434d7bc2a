using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Hyperpatch.Web.Security;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>Memory, disassembly and page walks over HTTP.</summary>
public sealed class MemoryApiTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_site_is_read_disassembled_and_translated()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        string path = await Dashboard.CreateMachineAsync(client, "patch-race");
        await PostAsync(client, $"{path}/run");
        await Patience.UntilAsync("a site is found", async () => (await GetAsync(client, $"{path}/hypercall-sites")).GetArrayLength() > 0);
        await PostAsync(client, $"{path}/pause");

        JsonElement site = (await GetAsync(client, $"{path}/hypercall-sites"))[0];
        string id = site.GetProperty("id").GetRawText(), linear = site.GetProperty("address").GetString()!, bytes = site.GetProperty("bytes").GetString()!;
        JsonElement code = await GetAsync(client, $"{path}/disassembly?address=%23{id}&count=3");
        JsonElement first = code.GetProperty("instructions")[0];
        Assert.Equal((linear, bytes, "vmcall"), (first.GetProperty("address").GetString(), first.GetProperty("bytes").GetString(), first.GetProperty("instruction").GetString()));
        Assert.Equal(int.Parse(id, System.Globalization.CultureInfo.InvariantCulture), first.GetProperty("site").GetInt32());
        Assert.Equal(3, code.GetProperty("instructions").GetArrayLength());

        JsonElement memory = await GetAsync(client, $"{path}/memory?address={linear}&length=3");
        Assert.Equal(bytes, memory.GetProperty("bytes").GetString());
        Assert.Equal(site.GetProperty("id").GetInt32(), memory.GetProperty("sites")[0].GetProperty("site").GetInt32());

        JsonElement walk = await GetAsync(client, $"{path}/translation?address={linear}");
        Assert.Equal(("4-level", "PML4E"), (walk.GetProperty("mode").GetString(), walk.GetProperty("steps")[0].GetProperty("level").GetString()));
        string physical = walk.GetProperty("physical").GetString()!;
        Assert.Equal(physical, memory.GetProperty("mappings")[0].GetProperty("physical").GetString());
        Assert.Equal(bytes, (await GetAsync(client, $"{path}/memory?address={physical}&length=3&space=physical")).GetProperty("bytes").GetString());
    }

    [Fact]
    public async Task What_is_not_there_is_shown_as_such()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        string path = await Dashboard.CreateMachineAsync(client, "hello");
        JsonElement memory = await GetAsync(client, $"{path}/memory?address=3FFFFFC&length=8&space=physical");
        Assert.Equal("?? ?? ?? ??", memory.GetProperty("bytes").GetString()![12..]);
        Assert.Empty((await GetAsync(client, $"{path}/disassembly?address=40000000000&space=physical")).GetProperty("instructions").EnumerateArray());
    }

    [Theory]
    [InlineData("memory?address=nowhere&space=physical", 400, "address")]
    [InlineData("memory?length=0&space=physical", 400, "length")]
    [InlineData("memory?length=4097&space=physical", 400, "length")]
    [InlineData("memory?space=linear", 400, "space")]
    [InlineData("memory?processor=9", 400, "processor")]
    [InlineData("disassembly?count=257", 400, "count")]
    [InlineData("memory?address=0", 409, "has not run yet")]
    [InlineData("disassembly", 409, "has not run yet")]
    [InlineData("translation?address=0", 409, "has not run yet")]
    public async Task What_cannot_be_answered_is_told(string query, int status, string part)
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        string path = await Dashboard.CreateMachineAsync(client, "hello");
        HttpResponseMessage response = await client.GetAsync(new Uri($"{path}/{query}", UriKind.Relative), Cancellation);
        Assert.Equal((HttpStatusCode)status, response.StatusCode);
        Assert.Contains(part, await response.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    private static Task<JsonElement> GetAsync(HttpClient client, string path) => client.GetFromJsonAsync<JsonElement>(path, Cancellation);

    private static async Task PostAsync(HttpClient client, string path) =>
        Assert.Equal(HttpStatusCode.OK, (await client.PostAsync(new Uri(path, UriKind.Relative), null, Cancellation)).StatusCode);
}
