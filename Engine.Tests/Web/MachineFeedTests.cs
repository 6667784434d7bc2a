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

        FrameSubscription one = feed.Subscribe(FrameFilter.All, "one").Value!;
        FrameSubscription other = feed.Subscribe(FrameFilter.All, "one").Value!;
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
        Assert.Equal(CommandErrorKind.Invalid, feed.Subscribe(new FrameFilter { Processor = 1000 }, "one").Error?.Kind);

        using FrameSubscription one = feed.Subscribe(new FrameFilter { Reason = "portio" }, "one").Value!;
        using FrameSubscription other = feed.Subscribe(new FrameFilter { Reason = "PortIo" }, "other").Value!;
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
    }

    [Fact]
    public async Task One_who_takes_all_that_is_given_leaves_room_for_others()
    {
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        MachineFeed feed = dashboard.Machine.Feed;
        List<FrameSubscription> crowd = [];
        CommandError? refused = null;
        int Fill(string holder)
        {
            int before = feed.Watchers;
            refused = null;
            while (refused is null)
            {
                if (feed.Subscribe(FrameFilter.All, holder).Succeeded(out FrameSubscription? subscription, out refused))
                {
                    crowd.Add(subscription);
                }
            }

            Assert.Equal(CommandErrorKind.Conflict, refused.Kind);
            return feed.Watchers - before;
        }

        Assert.InRange(Fill("greedy"), 200, MachineFeed.MaximumWatchers / 2);
        Assert.Contains("256 times already", refused!.Message, StringComparison.Ordinal);
        Assert.InRange(Fill("second"), 100, MachineFeed.MaximumWatchers / 4);
        Assert.Equal(0, Fill("greedy"));
        for (int i = 0; feed.Watchers < MachineFeed.MaximumWatchers; i++)
        {
            Assert.InRange(Fill($"other {i}"), 1, MachineFeed.MaximumWatchers / 8);
        }

        Assert.Equal(0, Fill("too late"));
        Assert.Contains("512 watch", refused!.Message, StringComparison.Ordinal);
        crowd.ForEach(subscription => subscription.Dispose());
        Assert.Equal(0, feed.Watchers);
    }
}
