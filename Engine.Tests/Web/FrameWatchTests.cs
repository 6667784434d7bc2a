using System.Security.Claims;
using Hyperpatch.Web.Components.Live;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Frames;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>How pages take frames.</summary>
public sealed class FrameWatchTests
{
    [Fact]
    public async Task A_page_that_fails_over_a_frame_is_told_once_and_can_be_left()
    {
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        ManagedMachine machine = dashboard.Machine;
        ClaimsPrincipal viewer = new(new ClaimsIdentity([new Claim(ClaimTypes.Role, "viewer")], "test"));
        TaskCompletionSource failed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        FrameWatch? watch = FrameWatch.Start(
            dashboard.Application.Services.GetRequiredService<MachineCommands>(),
            viewer,
            machine.Id,
            FrameFilter.All,
            _ => throw new InvalidOperationException("a page's own mistake"),
            NullLogger.Instance,
            () => throw new InvalidOperationException("the machine is still there"),
            () =>
            {
                failed.SetResult();
                throw new InvalidOperationException("and another");
            }).Value;

        Assert.NotNull(watch);
        await Patience.WithinAsync("the page is told", failed.Task.WaitAsync);
        await Patience.UntilAsync("nobody watches", () => Task.FromResult(machine.Feed.Watchers == 0));
        await watch.DisposeAsync();
    }
}
