using System.Security.Claims;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Frames;

namespace Hyperpatch.Web.Components.Live;

/// <summary>
/// A page's view of a machine's frames. Frames that arrive together come as one batch, and batches at least 100 ms apart, so that a
/// page renders ten times a second at most, whatever the machine does.
/// </summary>
public sealed class FrameWatch : IAsyncDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    private readonly FrameSubscription _subscription;
    private readonly CancellationTokenSource _end = new();
    private readonly ILogger _logger;
    private readonly Task _loop;

    private FrameWatch(FrameSubscription subscription, ILogger logger, Func<IReadOnlyList<EncodedFrame>, Task> onFrames, Func<Task>? onEnd, Func<Task>? onFailure)
    {
        _subscription = subscription;
        _logger = logger;
        _loop = Task.Run(() => WatchAsync(onFrames, onEnd, onFailure));
    }

    /// <summary>Frames lost so far because the page did not take them in time.</summary>
    public long Dropped => _subscription.Dropped;

    /// <summary>Begins to watch.</summary>
    /// <param name="commands">The command service.</param>
    /// <param name="user">Who watches.</param>
    /// <param name="machineId">The machine.</param>
    /// <param name="filter">Which exits the frames carry.</param>
    /// <param name="onFrames">Takes a batch, the oldest first (the very first frame is the machine as it is). Not on the component's
    /// dispatcher: call InvokeAsync, once.</param>
    /// <param name="logger">Where it is written why watching failed.</param>
    /// <param name="onEnd">The machine was deleted.</param>
    /// <param name="onFailure">A batch could not be dealt with: no more will come.</param>
    public static CommandResult<FrameWatch> Start(
        MachineCommands commands,
        ClaimsPrincipal user,
        string machineId,
        FrameFilter filter,
        Func<IReadOnlyList<EncodedFrame>, Task> onFrames,
        ILogger logger,
        Func<Task>? onEnd = null,
        Func<Task>? onFailure = null)
    {
        ArgumentNullException.ThrowIfNull(commands);
        ArgumentNullException.ThrowIfNull(logger);
        ArgumentNullException.ThrowIfNull(onFrames);
        return commands.Watch(user, machineId, filter).Succeeded(out FrameSubscription? subscription, out CommandError? error)
            ? new FrameWatch(subscription, logger, onFrames, onEnd, onFailure)
            : error;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _subscription.Dispose();
        await _loop;
        _end.Dispose();
    }

    private static bool IsLeft(Exception exception) => exception is OperationCanceledException or ObjectDisposedException or Microsoft.JSInterop.JSDisconnectedException;

    private async Task WatchAsync(Func<IReadOnlyList<EncodedFrame>, Task> onFrames, Func<Task>? onEnd, Func<Task>? onFailure)
    {
        try
        {
            await TakeAsync(onFrames, onEnd);
        }
        catch (Exception exception) when (IsLeft(exception))
        {
            // The page is gone.
        }
        catch (Exception exception)
        {
            _logger.LogError(exception, "A page stopped watching its machine");
            await FailAsync(onFailure);
        }
    }

    private async Task FailAsync(Func<Task>? onFailure)
    {
        // Nobody takes frames any more: none need be kept.
        _subscription.Dispose();
        try
        {
            if (onFailure is not null)
            {
                await onFailure();
            }
        }
        catch (Exception exception)
        {
            // Whoever ends the watch must not be told in its place.
            if (!IsLeft(exception))
            {
                _logger.LogError(exception, "A page could not say that it stopped watching");
            }
        }
    }

    private async Task TakeAsync(Func<IReadOnlyList<EncodedFrame>, Task> onFrames, Func<Task>? onEnd)
    {
        if (_subscription.Initial is { } initial)
        {
            await onFrames([initial]);
        }

        while (await _subscription.Frames.WaitToReadAsync(_end.Token))
        {
            List<EncodedFrame> batch = [];
            while (_subscription.Frames.TryRead(out EncodedFrame? frame))
            {
                batch.Add(frame);
            }

            await onFrames(batch);
            await Task.Delay(s_interval, _end.Token);
        }

        if (onEnd is not null && !_end.IsCancellationRequested)
        {
            await onEnd();
        }
    }
}
