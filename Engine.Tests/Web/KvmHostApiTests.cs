using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Hyperpatch.Engine.Accelerators.Kvm.HostStatistics;
using Hyperpatch.Web.Machines.HostKvm;
using Hyperpatch.Web.Security;
using Microsoft.Extensions.DependencyInjection;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>KVM's own counters over HTTP.</summary>
public sealed class KvmHostApiTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Rates_come_from_two_readings_the_fastest_first()
    {
        var table = new KvmRateTable();
        Assert.Null(Assert.Single(Take(table, 1, ("exits", 100))).PerSecond);
        IReadOnlyList<KvmCounterView> views = Take(table, 3, ("exits", 300), ("mmu_pages", 5), ("halts", 40));
        Assert.Equal(new KvmCounterView("exits", 300, 100), views[0]);
        Assert.Equal(["exits", "halts", "mmu_pages"], views.Select(view => view.Name));
        views = Take(table, 4, ("exits", 310), ("mmu_pages", 4), ("halts", 540));
        Assert.Equal([new("halts", 540, 500), new("exits", 310, 10), new("mmu_pages", 4, null)], views);
    }

    [Fact]
    public void What_happened_while_nobody_looked_is_no_rate_of_now()
    {
        var table = new KvmRateTable();
        _ = Take(table, 0, ("exits", 0));
        Assert.Equal(100, Assert.Single(Take(table, 60, ("exits", 6000))).PerSecond);
        Assert.Null(Assert.Single(Take(table, 3660, ("exits", 366_000_000))).PerSecond);
        Assert.Equal(50, Assert.Single(Take(table, 3661, ("exits", 366_000_050))).PerSecond);
    }

    [Fact]
    public async Task Machines_of_other_programs_are_shown_with_their_rates()
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
            JsonElement first = (await GetAsync(client)).GetProperty("machines")[0];
            Assert.Equal((4000000, false, 1000), (
                first.GetProperty("processId").GetInt32(), first.GetProperty("isOurs").GetBoolean(), first.GetProperty("counters")[0].GetProperty("total").GetInt64()));
            await File.WriteAllTextAsync(counter, "51000\n", Cancellation);
            await Patience.UntilAsync("the counter has a rate", async () =>
                (await GetAsync(client)).GetProperty("machines")[0].GetProperty("counters")[0].GetProperty("perSecond") is { ValueKind: JsonValueKind.Number } rate && rate.GetDouble() > 0);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [Fact]
    public async Task Our_own_machines_are_seen_without_debugfs()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(
            configure: services => services.AddSingleton(new KvmDebugFolder("/nonexistent/debug/kvm", "/proc")));
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        HttpResponseMessage created = await client.PostAsJsonAsync("/api/machines", new { guest = "exit-storm", accelerator = "kvm", start = true, name = "storm" }, Cancellation);
        Assert.SkipWhen(created.StatusCode == HttpStatusCode.UnprocessableEntity, "KVM cannot be used here");
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        JsonElement view = await GetAsync(client);
        Assert.Contains("no debugfs", view.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.SkipWhen(view.GetProperty("machines").GetArrayLength() == 0, "this kernel has no binary statistics (Linux 5.14)");
        JsonElement machine = view.GetProperty("machines")[0];
        Assert.Equal(("storm", true), (machine.GetProperty("name").GetString(), machine.GetProperty("isOurs").GetBoolean()));
        await Patience.UntilAsync("its exits have a rate", async () => (await GetAsync(client)).GetProperty("machines")[0].GetProperty("counters").EnumerateArray()
            .Any(counter => counter.GetProperty("name").GetString() == "exits" && counter.GetProperty("perSecond") is { ValueKind: JsonValueKind.Number } rate && rate.GetDouble() > 0));
    }

    private static IReadOnlyList<KvmCounterView> Take(KvmRateTable table, int seconds, params (string Name, long Value)[] counters) => table.Take(
        TimeSpan.FromSeconds(seconds),
        new Dictionary<string, IReadOnlyDictionary<string, long>> { ["one"] = counters.ToDictionary(counter => counter.Name, counter => counter.Value) })["one"];

    private static Task<JsonElement> GetAsync(HttpClient client) => client.GetFromJsonAsync<JsonElement>("/api/host/kvm", Cancellation);
}
