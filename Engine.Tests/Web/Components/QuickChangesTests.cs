using Bunit;
using Bunit.TestDoubles;
using Hyperpatch.Web.Components.Machines;
using Hyperpatch.Web.Components.Machines.Panes;
using Hyperpatch.Web.Components.Pages;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Security;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.JSInterop;

namespace Hyperpatch.Engine.Tests.Web.Components;

/// <summary>People change their minds before a page has followed them: in the end each thing is followed once, and after they have left, not at all.</summary>
public sealed class QuickChangesTests : BunitContext, IAsyncLifetime
{
    // Longer than panes and watches take from one look to the next.
    private static readonly TimeSpan s_while = TimeSpan.FromSeconds(2.5);

    private readonly RecordingBrowser _browser = new();
    private Dashboard? _dashboard;

    private static CancellationToken Cancellation => Xunit.TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _dashboard = await Dashboard.StartDemoAsync();
        _dashboard.RequireAccelerator();
        Services.AddSingleton(_dashboard.Application.Services.GetRequiredService<MachineCommands>());
        Services.AddSingleton(_dashboard.Application.Services.GetRequiredService<MachineRegistry>());
        Services.AddSingleton(_dashboard.Application.Services.GetRequiredService<ViewerLinks>());
        Services.AddSingleton(_dashboard.Application.Services.GetRequiredService<AcceleratorSet>());
        Services.AddSingleton<IJSRuntime>(_browser);
        BunitAuthorizationContext session = this.AddAuthorization();
        session.SetAuthorized("viewer");
        session.SetRoles("viewer");
    }

    public new async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _dashboard!.DisposeAsync();
    }

    [Fact]
    public async Task Handling_times_are_looked_at_no_more_after_the_pane_is_left()
    {
        await using MachineScript script = await MachineScript.LoadAsync(_browser, default);
        ManagedMachine machine = _dashboard!.Machine;
        IRenderedComponent<LatencyPane> pane = Render<LatencyPane>(with => with.Add(p => p.Machine, machine).Add(p => p.Script, script));
        await Patience.UntilAsync("figures arrive", () => Task.FromResult(_browser.Count("showLatency") > 0));

        foreach (string reason in MachineQuery.Reasons)
        {
            pane.Render(with => with.Add(p => p.Machine, machine).Add(p => p.Script, script).Add(p => p.Reason, reason));
        }

        await DisposeComponentsAsync();
        await NothingMoreAsync("showLatency");
    }

    [Fact]
    public async Task Filtered_exits_are_looked_for_no_more_after_the_pane_is_left()
    {
        await using MachineScript script = await MachineScript.LoadAsync(_browser, default);
        ManagedMachine machine = _dashboard!.Machine;
        IRenderedComponent<ExitsPane> pane = Render<ExitsPane>(with => with.Add(p => p.Machine, machine).Add(p => p.Script, script).Add(p => p.Reason, "hypercall"));
        await Patience.UntilAsync("exits arrive", () => Task.FromResult(_browser.Count("addExits") > 0));

        for (int i = 0; i < 20; i++)
        {
            string reason = i % 2 == 0 ? "portIo" : "hypercall";
            pane.Render(with => with.Add(p => p.Machine, machine).Add(p => p.Script, script).Add(p => p.Reason, reason));
        }

        await DisposeComponentsAsync();
        await NothingMoreAsync("addExits");
    }

    [Fact]
    public async Task Two_machines_are_watched_once_each_however_quickly_the_sides_change()
    {
        using (HttpClient client = _dashboard!.Client(AccessRole.Operator))
        {
            await Dashboard.CreateMachineAsync(client, "hello");
        }

        IReadOnlyList<ManagedMachine> machines = Services.GetRequiredService<MachineRegistry>().All;
        NavigationManager navigation = Services.GetRequiredService<NavigationManager>();
        string[] addresses = [.. new[] { machines, [.. machines.Reverse()] }.Select(pair => $"compare?left={pair[0].Id}&right={pair[1].Id}")];
        navigation.NavigateTo(addresses[0]);
        Render<ComparePage>();
        await Patience.UntilAsync("both are watched", () => Task.FromResult(machines.All(machine => machine.Feed.Watchers == 1)));

        for (int i = 1; i <= 7; i++)
        {
            navigation.NavigateTo(addresses[i % 2]);
            await Task.Yield();
        }

        await Task.Delay(s_while, Cancellation);
        Assert.All(machines, machine => Assert.Equal(1, machine.Feed.Watchers));
        await DisposeComponentsAsync();
        await Patience.UntilAsync("nobody watches", () => Task.FromResult(machines.All(machine => machine.Feed.Watchers == 0)));
    }

    [Fact]
    public async Task A_machine_that_is_left_while_its_script_loads_is_not_followed()
    {
        using (HttpClient client = _dashboard!.Client(AccessRole.Operator))
        {
            await Dashboard.CreateMachineAsync(client, "hello");
        }

        ManagedMachine[] machines = [.. Services.GetRequiredService<MachineRegistry>().All];
        TaskCompletionSource slow = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _browser.Ready = slow.Task;
        IRenderedComponent<MachinePage> page = Render<MachinePage>(with => with.Add(p => p.Id, machines[0].Id));
        await Patience.UntilAsync("the script is asked for", () => Task.FromResult(_browser.Count("import") == 1));
        page.Render(with => with.Add(p => p.Id, machines[1].Id));
        await Patience.UntilAsync("it is asked for again", () => Task.FromResult(_browser.Count("import") == 2));

        slow.SetResult();
        await Patience.UntilAsync("the second machine is watched", () => Task.FromResult(machines[1].Feed.Watchers == 1));
        await Task.Delay(s_while, Cancellation);

        Assert.Equal((0, 1), (machines[0].Feed.Watchers, machines[1].Feed.Watchers));
        Assert.Equal(1, _browser.Count("dispose"));
        await DisposeComponentsAsync();
        await Patience.UntilAsync("nobody watches", () => Task.FromResult(machines.All(machine => machine.Feed.Watchers == 0)));
    }

    [Fact]
    public async Task Going_from_machine_to_machine_leaves_one_that_is_followed()
    {
        using (HttpClient client = _dashboard!.Client(AccessRole.Operator))
        {
            await Dashboard.CreateMachineAsync(client, "hello");
        }

        ManagedMachine[] machines = [.. Services.GetRequiredService<MachineRegistry>().All];
        IRenderedComponent<MachinePage> page = Render<MachinePage>(with => with.Add(p => p.Id, machines[0].Id));
        await Patience.UntilAsync("it is watched", () => Task.FromResult(machines[0].Feed.Watchers == 1));
        for (int i = 1; i <= 7; i++)
        {
            page.Render(with => with.Add(p => p.Id, machines[i % 2].Id));
            await Task.Yield();
        }

        await Task.Delay(s_while, Cancellation);
        Assert.Equal((0, 1), (machines[0].Feed.Watchers, machines[1].Feed.Watchers));
        await DisposeComponentsAsync();
        await Patience.UntilAsync("nobody watches", () => Task.FromResult(machines.All(machine => machine.Feed.Watchers == 0)));
    }

    private async Task NothingMoreAsync(string function)
    {
        // What was on its way when the pane was left still arrives.
        await Task.Delay(s_while, Cancellation);
        int before = _browser.Count(function);
        await Task.Delay(s_while, Cancellation);
        Assert.Equal(before, _browser.Count(function));
    }
}
