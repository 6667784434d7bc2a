using System.Threading.Channels;

namespace Hyperpatch.Web.Machines.Frames;

/// <summary>
/// One watcher of one machine. Holds at most a few frames: a watcher that is slow loses the oldest, and is told how many. The
/// machine never waits for it.
/// </summary>
public sealed class FrameSubscription : IDisposable
{
    /// <summary>Frames that wait for a watcher at most.</summary>
    public const int Capacity = 8;

    private readonly Channel<EncodedFrame> _channel;
    private readonly Action<FrameSubscription> _unsubscribe;
    private long _dropped;

    internal FrameSubscription(FrameFilter filter, string holder, Action<FrameSubscription> unsubscribe)
    {
        Filter = filter;
        Holder = holder;
        _unsubscribe = unsubscribe;
        _channel = Channel.CreateBounded<EncodedFrame>(
            new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleWriter = true },
            _ => Interlocked.Increment(ref _dropped));
    }

    /// <summary>
    /// The machine as it is: all sites, the whole timeline and the kept serial output. What the first frame tells again is known by
    /// its numbers. Null where the machine has made no frame yet.
    /// </summary>
    public EncodedFrame? Initial { get; internal set; }

    /// <summary>What this watcher wants.</summary>
    public FrameFilter Filter { get; }

    /// <summary>Whose share of the machine's watchers it is.</summary>
    public string Holder { get; }

    /// <summary>Frames lost so far.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>The frames. Ends when the machine is deleted or the subscription disposed of.</summary>
    public ChannelReader<EncodedFrame> Frames => _channel.Reader;

    /// <summary>No more frames.</summary>
    public void Dispose()
    {
        _unsubscribe(this);
        Complete();
    }

    internal void Offer(EncodedFrame frame) => _channel.Writer.TryWrite(frame);

    internal void Complete() => _channel.Writer.TryComplete();
}
