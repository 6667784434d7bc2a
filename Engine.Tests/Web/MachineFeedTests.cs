using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Frames;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>Watchers of one machine, without a network between.</summary>
public sealed class MachineFeedTests
{
    [Fact]
    public async Task Who_comes_and_goes_is_told_at_once()
    {
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        MachineFeed feed = dashboard.Machine.Feed;
        List<int> counts = [];
        feed.WatchersChanged += (_, _) => counts.Add(feed.Watchers);

        FrameSubscription one = feed.Subscribe(FrameFilter.All).Value!;
        FrameSubscription other = feed.Subscribe(FrameFilter.All).Value!;
        one.Dispose();
        one.Dispose();
        other.Dispose();

        Assert.Equal([1, 2, 1, 0], counts);
    }

    [Fact]
    public async Task Watchers_of_the_same_exits_share_frames_and_there_is_a_most()
    {
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        MachineFeed feed = dashboard.Machine.Feed;
        Assert.Equal(CommandErrorKind.Invalid, feed.Subscribe(new FrameFilter { Processor = 1000 }).Error?.Kind);

        using FrameSubscription one = feed.Subscribe(new FrameFilter { Reason = "portio" }).Value!;
        using FrameSubscription other = feed.Subscribe(new FrameFilter { Reason = "PortIo" }).Value!;
        await Patience.WithinAsync("a frame that both watchers get", async cancellation =>
        {
            // One of them began a moment earlier: their frames are the same ones, not at the same time.
            HashSet<EncodedFrame> ones = [];
            HashSet<EncodedFrame> others = [];
            while (!ones.Overlaps(others) || ones.All(frame => frame.Frame.Events.Count == 0))
            {
                _ = ones.Add(await one.Frames.ReadAsync(cancellation));
                _ = others.Add(await other.Frames.ReadAsync(cancellation));
            }

            Assert.All(ones.SelectMany(frame => frame.Frame.Events), exit => Assert.Equal("PortIo", exit.Reason));
        });

        List<FrameSubscription> crowd = [];
        CommandError? refused = null;
        while (refused is null)
        {
            if (feed.Subscribe(FrameFilter.All).Succeeded(out FrameSubscription? subscription, out refused))
            {
                crowd.Add(subscription);
            }
        }

        Assert.Equal(CommandErrorKind.Conflict, refused.Kind);
        Assert.Equal(MachineFeed.MaximumWatchers, feed.Watchers);
        crowd.ForEach(subscription => subscription.Dispose());
        Assert.Equal(2, feed.Watchers);
    }
}
