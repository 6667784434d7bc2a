using System.Net;
using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Hubs;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Frames;
using Hyperpatch.Web.Machines.Views;
using Hyperpatch.Web.Security;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>The hub, with the .NET SignalR client, in both protocols.</summary>
public sealed class HubTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_watcher_gets_frames_and_sees_a_vendor_switch(bool messagePack)
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        MachineView machine = await CreateAsync(dashboard, "mixed");
        await using HubConnection watcher = await dashboard.ConnectAsync(AccessRole.Viewer, messagePack);
        await using HubConnection driver = await dashboard.ConnectAsync(AccessRole.Operator, messagePack);

        await Patience.WithinAsync("a frame with a site in AMD's form", async cancellation =>
        {
            bool switched = false;
            long last = 0;
            await foreach (WatchMessage message in watcher.StreamAsync<WatchMessage>("Watch", machine.Id, null, cancellation))
            {
                MachineFrame frame = message.Frame.Frame;
                Assert.Equal(machine.Id, frame.MachineId);
                Assert.True(frame.Sequence >= last);
                last = frame.Sequence;
                if (frame.Counters.Exits > 0 && !switched)
                {
                    switched = true;
                    MachineView after = await driver.InvokeAsync<MachineView>("SwitchVendor", machine.Id, "amd", cancellation);
                    Assert.Equal("amd", after.Vendor);
                }

                if (frame.Vendor == "amd" && frame.Sites.Any(site => site.Patches > 0 && site.Bytes.EndsWith("0F 01 D9", StringComparison.Ordinal)))
                {
                    return;
                }
            }

            Assert.Fail("The stream ended.");
        });
    }

    [Fact]
    public async Task Viewers_cannot_change_and_are_told_so()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        await using HubConnection viewer = await dashboard.ConnectAsync(AccessRole.Viewer);
        HubException error = await Assert.ThrowsAsync<HubException>(() => viewer.InvokeAsync<MachineView>("Run", "m1", Cancellation));
        Assert.Contains("only operators", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_token_there_is_no_connection()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        await using HubConnection connection = new HubConnectionBuilder().WithUrl(new Uri(dashboard.Address, "/hubs/machines")).Build();
        HttpRequestException error = await Assert.ThrowsAsync<HttpRequestException>(() => connection.StartAsync(Cancellation));
        Assert.Equal(System.Net.HttpStatusCode.Unauthorized, error.StatusCode);
    }

    [Fact]
    public async Task A_machine_that_was_watched_and_deleted_is_kept_by_nobody()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        MachineView view = await CreateAsync(dashboard, "mixed");
        WeakReference machine = Reference(dashboard, view.Id);
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        await using (HubConnection watcher = await dashboard.ConnectAsync(AccessRole.Viewer, messagePack: true))
        {
            await Patience.WithinAsync("a frame", async cancellation =>
            {
                await foreach (WatchMessage _ in watcher.StreamAsync<WatchMessage>("Watch", view.Id, null, cancellation))
                {
                    return;
                }
            });
            foreach (string path in (string[])["exits", "latency", "sites", "timeline", "memory?address=0x100000", "export?format=csv"])
            {
                using HttpResponseMessage answer = await client.GetAsync(new Uri($"/api/machines/{view.Id}/{path}", UriKind.Relative), Cancellation);
                _ = await answer.Content.ReadAsByteArrayAsync(Cancellation);
            }

            (await client.DeleteAsync(new Uri($"/api/machines/{view.Id}", UriKind.Relative), Cancellation)).EnsureSuccessStatusCode();
        }

        await Patience.UntilAsync("the machine is garbage", () =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return Task.FromResult(!machine.IsAlive);
        });
    }

    [Fact]
    public async Task A_stream_ends_when_its_machine_is_deleted()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        MachineView machine = await CreateAsync(dashboard, "mixed");
        await using HubConnection watcher = await dashboard.ConnectAsync(AccessRole.Viewer, messagePack: true);
        bool deleted = false;
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        await Patience.WithinAsync("the end of the stream", async cancellation =>
        {
            await foreach (WatchMessage _ in watcher.StreamAsync<WatchMessage>("Watch", machine.Id, null, cancellation))
            {
                if (!deleted)
                {
                    deleted = true;
                    (await client.DeleteAsync(new Uri($"/api/machines/{machine.Id}", UriKind.Relative), cancellation)).EnsureSuccessStatusCode();
                }
            }
        });
        Assert.True(deleted);
    }

    [Fact]
    public async Task One_who_watches_with_all_streams_does_not_keep_others_out()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        MachineView machine = await CreateAsync(dashboard, "mixed");
        List<HubConnection> connections = [];
        try
        {
            HubException? refused = null;
            while (refused is null)
            {
                Assert.InRange(connections.Count, 0, 15);
                HubConnection connection = await dashboard.ConnectAsync(AccessRole.Viewer, messagePack: true);
                connections.Add(connection);
                for (int i = 0; i < MachinesHub.MaximumStreams && refused is null; i++)
                {
                    refused = await FirstAsync(connection, machine.Id);
                }
            }

            Assert.Contains("the places left are for others", refused.Message, StringComparison.Ordinal);
            await using HubConnection other = await dashboard.ConnectAsync(AccessRole.Operator, messagePack: true);
            Assert.Null(await FirstAsync(other, machine.Id));
        }
        finally
        {
            await Task.WhenAll(connections.Select(connection => connection.DisposeAsync().AsTask()));
        }
    }

    [Fact]
    public void One_holder_does_not_take_all_connections_and_who_leaves_makes_room()
    {
        HubConnectionCount count = new();
        List<HubCallerContext> ofOne = [.. Enumerable.Range(0, HubConnectionCount.MaximumOfOne).Select(_ => Caller("192.0.2.1"))];
        Assert.All(ofOne, caller => Assert.True(count.TryEnter(caller)));
        HubCallerContext refused = Caller("192.0.2.1");
        Assert.False(count.TryEnter(refused));
        count.Leave(refused);
        List<HubCallerContext> others = [.. Enumerable.Range(0, HubConnectionCount.Maximum - HubConnectionCount.MaximumOfOne).Select(_ => Caller("192.0.2.2"))];
        Assert.All(others, caller => Assert.True(count.TryEnter(caller)));
        Assert.False(count.TryEnter(Caller("192.0.2.3")));
        count.Leave(ofOne[0]);
        count.Leave(ofOne[0]);
        Assert.True(count.TryEnter(Caller("192.0.2.3")));
        Assert.False(count.TryEnter(Caller("192.0.2.3")));
        Assert.All(ofOne.Skip(1).Concat(others), count.Leave);
        Assert.True(count.TryEnter(Caller("192.0.2.1")));
    }

    private static HubCallerContext Caller(string address)
    {
        DefaultHttpContext request = new() { Connection = { RemoteIpAddress = IPAddress.Parse(address) } };
        return new StandingCaller(AccessPolicies.Principal(AccessRole.Viewer, AccessSchemes.Bearer, AccessHolder.ClaimOf(request)));
    }

    // Begins a stream that goes on; null, or why there is none.
    private static async Task<HubException?> FirstAsync(HubConnection connection, string machineId)
    {
        try
        {
            IAsyncEnumerator<WatchMessage> stream = connection.StreamAsync<WatchMessage>("Watch", machineId, null, Cancellation).GetAsyncEnumerator(Cancellation);
            Assert.True(await stream.MoveNextAsync());
            return null;
        }
        catch (HubException exception)
        {
            return exception;
        }
    }

    private static async Task<MachineView> CreateAsync(Dashboard dashboard, string guest)
    {
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        HttpResponseMessage response = await client.PostAsJsonAsync("/api/machines", new { guest, start = true }, Cancellation);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<MachineView>(Cancellation))!;
    }

    // On its own, so that no local of the caller's keeps it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Reference(Dashboard dashboard, string id) =>
        new(dashboard.Application.Services.GetRequiredService<MachineRegistry>().All.Single(machine => machine.Id == id).Machine);
}
