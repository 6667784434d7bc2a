using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Hyperpatch.Engine.Accelerators.Kvm.HostStatistics;
using Hyperpatch.Web.Security;
using Microsoft.Extensions.DependencyInjection;

namespace Hyperpatch.Engine.Tests.Web.Export;

/// <summary>Tables as files over HTTP.</summary>
public sealed class ExportApiTests
{
    private static readonly string[] s_tables = ["exits", "rates", "reasons", "sites", "history", "hypercalls", "latency", "latency-histogram", "latency-history", "processors", "timeline", "points", "steps", "memory", "disassembly", "translation"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_table_is_a_file_that_a_viewer_may_have()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient driver = dashboard.Client(AccessRole.Operator);
        using HttpClient viewer = dashboard.Client(AccessRole.Viewer);
        string path = await PatchedMachineAsync(driver);
        foreach (string table in s_tables)
        {
            HttpResponseMessage response = await viewer.GetAsync(new Uri($"{path}/export?table={table}&format=csv", UriKind.Relative), Cancellation);
            Assert.Equal((table, HttpStatusCode.OK), (table, response.StatusCode));
            Assert.Equal("text/csv", response.Content.Headers.ContentType?.MediaType);
            Assert.Matches($@"^hyperpatch-m1-{table}-\d{{8}}-\d{{6}}\.csv$", response.Content.Headers.ContentDisposition?.FileName);
            List<string[]> rows = CsvReader.Read(await response.Content.ReadAsStringAsync(Cancellation));
            Assert.True(rows.Count > 1, $"{table} has no rows");
            string[] lines = await LinesAsync(viewer, $"{path}/export?table={table}");
            Assert.True(lines.Length > 0, $"{table} has no lines");
            Assert.All(lines, line => Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(line).RootElement.ValueKind));
            if (table is not ("exits" or "rates"))
            {
                Assert.Equal(lines.Length, rows.Count - 1);
            }

            HttpResponseMessage trace = await viewer.GetAsync(new Uri($"{path}/export?table={table}&format=chrome-trace", UriKind.Relative), Cancellation);
            Assert.Equal(table is "exits" or "history" or "timeline" ? HttpStatusCode.OK : HttpStatusCode.BadRequest, trace.StatusCode);
        }
    }

    [Fact]
    public async Task Handling_times_are_those_of_the_reason_and_time_asked_for()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        string path = await PatchedMachineAsync(client);
        JsonElement all = await client.GetFromJsonAsync<JsonElement>($"{path}/latency", Cancellation);
        JsonElement ports = all.GetProperty("reasons").EnumerateArray().Single(one => one.GetProperty("reason").GetString() == "PortIo");
        string line = Assert.Single(await LinesAsync(client, $"{path}/export?table=latency&reason=PortIo"));
        Assert.Equal(ports.GetProperty("times").GetProperty("count").GetInt64(), JsonDocument.Parse(line).RootElement.GetProperty("count").GetInt64());
        string[] buckets = await LinesAsync(client, $"{path}/export?table=latency-histogram&reason=PortIo");
        Assert.Equal(ports.GetProperty("times").GetProperty("count").GetInt64(), buckets.Sum(bucket => JsonDocument.Parse(bucket).RootElement.GetProperty("count").GetInt64()));
        Assert.Empty(await LinesAsync(client, $"{path}/export?table=latency&reason=Mmio&seconds=60"));
        HttpResponseMessage wrong = await client.GetAsync(new Uri($"{path}/export?table=latency-history&seconds=0", UriKind.Relative), Cancellation);
        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
    }

    [Fact]
    public async Task A_sites_history_is_the_same_as_in_the_list_and_a_trace_of_its_moments()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        string path = await PatchedMachineAsync(client);
        JsonElement[] sites = [.. (await client.GetFromJsonAsync<JsonElement>($"{path}/hypercall-sites", Cancellation)).EnumerateArray()];
        JsonElement site = sites.First(one => one.GetProperty("history").GetArrayLength() > 0);
        string id = site.GetProperty("id").GetRawText();
        JsonElement[] history = [.. site.GetProperty("history").EnumerateArray()];
        List<string[]> rows = CsvReader.Read(await client.GetStringAsync(new Uri($"{path}/export?table=history&site={id}&format=csv", UriKind.Relative), Cancellation));
        Assert.Equal(history.Length, rows.Count - 1);
        int to = Array.IndexOf(rows[0], "to");
        Assert.Equal(history.Select(line => line.GetProperty("to").GetString()), rows.Skip(1).Select(row => row[to]));
        Assert.All(rows.Skip(1), row => Assert.Equal((id, site.GetProperty("address").GetString()), (row[0], row[1])));
        string trace = await client.GetStringAsync(new Uri($"{path}/export?table=history&site={id}&format=chrome-trace", UriKind.Relative), Cancellation);
        Assert.Equal(history.Length, JsonDocument.Parse(trace).RootElement.GetProperty("traceEvents").EnumerateArray().Count(one => one.GetProperty("ph").GetString() == "i"));

        // All sites together hold those of this one.
        Assert.Equal(
            sites.Sum(one => one.GetProperty("history").GetArrayLength()), (await LinesAsync(client, $"{path}/export?table=history")).Length);
    }

    [Fact]
    public async Task Steps_tell_which_registers_changed()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        string path = await PatchedMachineAsync(client);
        List<string[]> rows = CsvReader.Read(await client.GetStringAsync(new Uri($"{path}/export?table=steps&format=csv", UriKind.Relative), Cancellation));
        JsonElement steps = await client.GetFromJsonAsync<JsonElement>($"{path}/steps", Cancellation);
        Assert.Equal(steps.EnumerateArray().Sum(step => Math.Max(1, step.GetProperty("changes").GetArrayLength())), rows.Count - 1);
        JsonElement changed = steps.EnumerateArray().First(step => step.GetProperty("changes").GetArrayLength() > 0);
        JsonElement change = changed.GetProperty("changes")[0];
        Assert.Contains(rows, row => row[5] == change.GetProperty("name").GetString() && row[7] == "0x" + change.GetProperty("after").GetString());
    }

    [Fact]
    public async Task Machines_are_a_table_whose_names_calculate_nothing()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        const string Name = "=cmd|' /C calc'!A0";
        (await client.PostAsJsonAsync("/api/machines", new { guest = "hello", name = Name }, Cancellation)).EnsureSuccessStatusCode();
        (await client.PostAsJsonAsync("/api/machines", new { guest = "hello", name = "other, \"one\"" }, Cancellation)).EnsureSuccessStatusCode();
        using HttpClient viewer = dashboard.Client(AccessRole.Viewer);
        List<string[]> rows = CsvReader.Read(await viewer.GetStringAsync(new Uri("/api/machines/export?format=csv", UriKind.Relative), Cancellation));
        Assert.Equal(["'" + Name, "other, \"one\""], rows.Skip(1).Select(row => row[1]));
        string[] lines = await LinesAsync(viewer, "/api/machines/export?id=m2");
        Assert.Equal("other, \"one\"", JsonDocument.Parse(Assert.Single(lines)).RootElement.GetProperty("name").GetString());
    }

    [Fact]
    public async Task Kvms_counters_are_a_table()
    {
        string root = Directory.CreateTempSubdirectory("hyperpatch-kvm-").FullName;
        try
        {
            string counter = Path.Combine(root, "kvm", "4000000-12", "exits");
            Directory.CreateDirectory(Path.GetDirectoryName(counter)!);
            await File.WriteAllTextAsync(counter, "1000\n", Cancellation);
            await using Dashboard dashboard = await Dashboard.StartAsync(
                withoutAccelerator: true, configure: services => services.AddSingleton(new KvmDebugFolder(Path.Combine(root, "kvm"), root)));
            using HttpClient client = dashboard.Client(AccessRole.Viewer);
            List<string[]> rows = CsvReader.Read(await client.GetStringAsync(new Uri("/api/host/kvm/export?format=csv", UriKind.Relative), Cancellation));
            Assert.Contains(rows, row => row is ["4000000-12", "4000000", _, "false", _, _, "exits", "1000", _]);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [Fact]
    public async Task Memory_code_and_page_walk_are_those_of_the_place_asked_for()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        string path = await PatchedMachineAsync(client);
        JsonElement site = (await client.GetFromJsonAsync<JsonElement>($"{path}/hypercall-sites", Cancellation))[0];
        string linear = site.GetProperty("address").GetString()!, id = site.GetProperty("id").GetRawText();
        JsonElement memory = await client.GetFromJsonAsync<JsonElement>($"{path}/memory?address={linear}&length=40", Cancellation);
        JsonElement[] bytes = await ObjectsAsync(client, $"{path}/export?table=memory&address={linear}&length=40");
        Assert.Equal(3, bytes.Length);
        Assert.Equal(memory.GetProperty("bytes").GetString(), string.Join(' ', bytes.Select(row => row.GetProperty("bytes").GetString())));
        Assert.Equal(linear, bytes[0].GetProperty("address").GetString());
        Assert.Equal([id], bytes[0].GetProperty("sites").EnumerateArray().Select(one => one.GetString()).Take(1));
        Assert.Equal([16, 16, 8], bytes.Select(row => row.GetProperty("text").GetString()!.Length));

        // The same bytes by their guest-physical address, which the rows tell: the second row's, too.
        string physical = memory.GetProperty("mappings")[0].GetProperty("physical").GetString()!;
        Assert.Equal(physical, bytes[0].GetProperty("physical").GetString());
        JsonElement[] there = await ObjectsAsync(client, $"{path}/export?table=memory&address={bytes[1].GetProperty("physical").GetString()}&length=16&space=physical");
        Assert.Equal(bytes[1].GetProperty("bytes").GetString(), Assert.Single(there).GetProperty("bytes").GetString());

        JsonElement[] code = await ObjectsAsync(client, $"{path}/export?table=disassembly&address=%23{id}&count=3");
        Assert.Equal(3, code.Length);
        Assert.Equal((linear, site.GetProperty("bytes").GetString(), site.GetProperty("id").GetInt32()), (code[0].GetProperty("address").GetString(), code[0].GetProperty("bytes").GetString(), code[0].GetProperty("site").GetInt32()));

        JsonElement walk = await client.GetFromJsonAsync<JsonElement>($"{path}/translation?address={linear}", Cancellation);
        JsonElement[] entries = await ObjectsAsync(client, $"{path}/export?table=translation&address={linear}");
        Assert.Equal(walk.GetProperty("steps").EnumerateArray().Select(step => step.GetProperty("entry").GetString()), entries.Select(row => row.GetProperty("entry").GetString()));
        Assert.All(entries, row => Assert.Equal(physical, row.GetProperty("physical").GetString()));
        Assert.Contains("P", entries[0].GetProperty("flags").EnumerateArray().Select(flag => flag.GetString()));

        // What cannot be read is told as such.
        List<string[]> rows = CsvReader.Read(await client.GetStringAsync(new Uri($"{path}/export?table=memory&address=3FFFFF8&length=16&space=physical&format=csv", UriKind.Relative), Cancellation));
        Assert.EndsWith("?? ?? ?? ?? ?? ?? ?? ??", rows[1][2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_probe_found_is_a_table()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        using HttpClient client = dashboard.Client(AccessRole.Viewer);
        JsonElement host = await client.GetFromJsonAsync<JsonElement>("/api/host", Cancellation);
        (string?, string?, string?)[] expected =
        [
            .. host.GetProperty("accelerators").EnumerateArray().SelectMany(
                accelerator => accelerator.GetProperty("probe").EnumerateArray(),
                (accelerator, result) => (accelerator.GetProperty("name").GetString(), result.GetProperty("instruction").GetString(), result.GetProperty("detail").GetString())),
        ];
        List<string[]> rows = CsvReader.Read(await client.GetStringAsync(new Uri("/api/host/probe/export?format=csv", UriKind.Relative), Cancellation));
        Assert.Equal(["accelerator", "instruction", "bytes", "outcome", "detail"], rows[0]);
        Assert.Equal(expected, rows.Skip(1).Select(row => ((string?)row[0], (string?)row[1], (string?)row[4])));
    }

    [Fact]
    public async Task What_the_host_is_is_a_table()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        using HttpClient client = dashboard.Client(AccessRole.Viewer);
        JsonElement host = await client.GetFromJsonAsync<JsonElement>("/api/host", Cancellation);
        List<string[]> rows = CsvReader.Read(await client.GetStringAsync(new Uri("/api/host/export?format=csv", UriKind.Relative), Cancellation));
        Assert.Equal(["fact", "value"], rows[0]);
        Assert.Contains(rows, row => row[1] == host.GetProperty("operatingSystem").GetString());
        Assert.Contains(rows, row => row[0] == ".NET" && row[1] == System.Runtime.InteropServices.RuntimeInformation.FrameworkDescription);
        Assert.All(rows, row => Assert.All(row, cell => Assert.NotEqual("", cell)));
    }

    [Fact]
    public async Task A_place_that_cannot_be_translated_yet_is_a_conflict()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        string path = await Dashboard.CreateMachineAsync(client, "hello");
        HttpResponseMessage response = await client.GetAsync(new Uri($"{path}/export?table=memory&address=0", UriKind.Relative), Cancellation);
        Assert.Equal(HttpStatusCode.Conflict, response.StatusCode);
        Assert.Contains("has not run yet", await response.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("export?table=secrets", "table")]
    [InlineData("export?table=memory&address=nowhere&space=physical", "address")]
    [InlineData("export?table=memory&length=4097&space=physical", "length")]
    [InlineData("export?table=memory&space=linear", "space")]
    [InlineData("export?table=memory&format=chrome-trace&space=physical", "format")]
    [InlineData("export?table=disassembly&count=0&space=physical", "count")]
    [InlineData("export?table=disassembly&processor=9&space=physical", "processor")]
    [InlineData("export?table=translation&address=0&space=physical", "space")]
    [InlineData("../../host/probe/export?format=chrome-trace", "format")]
    [InlineData("export?table=SITES", "table")]
    [InlineData("export?table=sites&format=chrome-trace", "format")]
    [InlineData("export?table=history&site=99", "site")]
    [InlineData("export?table=history&site=x", "site")]
    [InlineData("export?table=rates&seconds=0", "seconds")]
    [InlineData("export?table=rates&seconds=3601", "seconds")]
    [InlineData("../export?format=chrome-trace", "format")]
    [InlineData("../export?format=xml", "format")]
    [InlineData("../../host/kvm/export?format=xml", "format")]
    [InlineData("../../host/export?format=xml", "format")]
    public async Task What_is_no_table_is_400_with_the_name(string query, string field)
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
    public async Task Files_are_for_those_who_may_watch_and_are_in_the_description()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        using HttpClient stranger = dashboard.Client(null);
        foreach (string path in new[] { "/api/machines/m1/export", "/api/machines/export", "/api/host/export", "/api/host/kvm/export", "/api/host/probe/export" })
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await stranger.GetAsync(new Uri(path, UriKind.Relative), Cancellation)).StatusCode);
        }

        using HttpClient viewer = dashboard.Client(AccessRole.Viewer);
        Assert.Equal(HttpStatusCode.NotFound, (await viewer.GetAsync(new Uri("/api/machines/m1/export?table=sites", UriKind.Relative), Cancellation)).StatusCode);
        JsonElement paths = (await viewer.GetFromJsonAsync<JsonElement>("/openapi/v1.json", Cancellation)).GetProperty("paths");
        string?[] parameters = [.. paths.GetProperty("/api/machines/{id}/export").GetProperty("get").GetProperty("parameters").EnumerateArray().Select(one => one.GetProperty("name").GetString())];
        Assert.All(["table", "format", "site", "seconds", "reason", "processor", "address", "space", "length", "count"], name => Assert.Contains(name, parameters));
        Assert.True(paths.TryGetProperty("/api/machines/export", out _) && paths.TryGetProperty("/api/host/export", out _) && paths.TryGetProperty("/api/host/kvm/export", out _) && paths.TryGetProperty("/api/host/probe/export", out _));
    }

    // A machine with something in every table: sites that were patched, a pause point, rates, and steps.
    private static async Task<string> PatchedMachineAsync(HttpClient client)
    {
        string path = await Dashboard.CreateMachineAsync(client, "mixed");
        await PostAsync(client, $"{path}/run");
        await Patience.UntilAsync("a hypercall", async () => (await client.GetFromJsonAsync<JsonElement>($"{path}/hypercall-sites", Cancellation)).GetArrayLength() > 0);
        Assert.Equal(HttpStatusCode.OK, (await client.PutAsJsonAsync($"{path}/vendor", new { vendor = "amd" }, Cancellation)).StatusCode);
        await Patience.UntilAsync("a patch", async () => (await LinesAsync(client, $"{path}/export?table=history")).Length > 0);
        await Patience.UntilAsync("rates", async () => (await LinesAsync(client, $"{path}/export?table=rates")).Length > 0);
        await Patience.UntilAsync("hypercalls in a frame", async () => (await LinesAsync(client, $"{path}/export?table=hypercalls")).Length > 0);
        await Patience.UntilAsync("handling times", async () => (await LinesAsync(client, $"{path}/export?table=latency-history")).Length > 0);
        await PostAsync(client, $"{path}/pause");
        HttpResponseMessage point = await client.PostAsJsonAsync($"{path}/pause-points", new { kind = "patch" }, Cancellation);
        Assert.True(point.IsSuccessStatusCode, await point.Content.ReadAsStringAsync(Cancellation));
        await Patience.UntilAsync("a step that changes a register", async () =>
        {
            await PostAsync(client, $"{path}/step");
            return (await LinesAsync(client, $"{path}/export?table=steps")).Any(line => line.Contains("\"register\"", StringComparison.Ordinal));
        });
        return path;
    }

    private static async Task<string[]> LinesAsync(HttpClient client, string path) =>
        (await client.GetStringAsync(new Uri(path, UriKind.Relative), Cancellation)).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static async Task<JsonElement[]> ObjectsAsync(HttpClient client, string path) =>
        [.. (await LinesAsync(client, path)).Select(line => JsonDocument.Parse(line).RootElement)];

    private static async Task PostAsync(HttpClient client, string path) =>
        Assert.Equal(HttpStatusCode.OK, (await client.PostAsync(new Uri(path, UriKind.Relative), null, Cancellation)).StatusCode);
}
