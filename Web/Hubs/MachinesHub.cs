using System.Runtime.CompilerServices;
using System.Security.Claims;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Frames;
using Hyperpatch.Web.Machines.Views;
using Hyperpatch.Web.Security;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.SignalR;

namespace Hyperpatch.Web.Hubs;

/// <summary>
/// Machines for SignalR clients of any kind (<c>/hubs/machines</c>, JSON or MessagePack). Errors come as hub exceptions whose
/// message is a sentence for people.
/// </summary>
[Authorize(Policy = AccessPolicies.Viewer)]
public sealed class MachinesHub(MachineCommands commands, SessionRegistry sessions, HubConnectionCount connections) : Hub<IMachinesClient>
{
    /// <summary>Streams that one connection may have open at once.</summary>
    public const int MaximumStreams = 32;

    private static readonly object s_streamsKey = new();
    private static readonly object s_sessionKey = new();

    private ClaimsPrincipal User => Context.User ?? new ClaimsPrincipal();

    /// <inheritdoc/>
    public override Task OnConnectedAsync()
    {
        HubCallerContext context = Context;
        if (!connections.TryEnter(context))
        {
            context.Abort();
            return Task.CompletedTask;
        }

        // A stream that is open at log-out ends too, not only what would come after it.
        context.Items[s_sessionKey] = sessions.WhenOver(User, context.Abort);
        return base.OnConnectedAsync();
    }

    /// <inheritdoc/>
    public override Task OnDisconnectedAsync(Exception? exception)
    {
        connections.Leave(Context);
        (Context.Items.TryGetValue(s_sessionKey, out object? watch) ? watch as IDisposable : null)?.Dispose();
        return base.OnDisconnectedAsync(exception);
    }

    /// <summary>All machines.</summary>
    public IReadOnlyList<MachineView> List() => commands.List(User);

    /// <summary>One machine.</summary>
    public MachineView Get(string machineId) => View(commands.Get(User, machineId));

    /// <summary>
    /// First the machine as it is, then its frames, 5 to 10 a second, until the caller stops or the machine is deleted. A caller that does not take them in
    /// time loses the oldest; each item says how many so far.
    /// </summary>
    /// <param name="machineId">The machine.</param>
    /// <param name="filter">Which exits the frames carry; null for the latest of all kinds.</param>
    /// <param name="cancellation">Ends the stream.</param>
    public async IAsyncEnumerable<WatchMessage> Watch(string machineId, FrameFilter? filter, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using FrameSubscription subscription = Value(commands.Watch(User, machineId, filter ?? new FrameFilter()));
        StrongBox<int> streams = Streams();
        if (Interlocked.Increment(ref streams.Value) > MaximumStreams)
        {
            Interlocked.Decrement(ref streams.Value);
            throw new HubException($"This connection has {MaximumStreams} streams open already.");
        }

        try
        {
            if (subscription.Initial is { } initial)
            {
                yield return new WatchMessage(0, initial);
            }

            await foreach (EncodedFrame frame in subscription.Frames.ReadAllAsync(cancellation))
            {
                yield return new WatchMessage(subscription.Dropped, frame);
            }
        }
        finally
        {
            Interlocked.Decrement(ref streams.Value);
        }
    }

    /// <summary>Starts a machine, or lets it go on.</summary>
    public async Task<MachineView> Run(string machineId) => View(await commands.RunAsync(User, machineId));

    /// <summary>Stops a machine for a while.</summary>
    public async Task<MachineView> Pause(string machineId) => View(await commands.PauseAsync(User, machineId));

    /// <summary>Lets each processor of a paused machine (or one) execute one instruction.</summary>
    public async Task<MachineView> Step(string machineId, int? processor) => View(await commands.StepAsync(User, machineId, processor));

    /// <summary>Puts a machine back to its beginning.</summary>
    public async Task<MachineView> Reset(string machineId) => View(await commands.ResetAsync(User, machineId));

    /// <summary>Switches the vendor that the guest sees: intel or amd.</summary>
    public async Task<MachineView> SwitchVendor(string machineId, string vendor) => View(await commands.SwitchVendorAsync(User, machineId, vendor));

    /// <summary>Sets what is done with the wrong vendor's hypercalls: faithful, force, emulate or inject.</summary>
    public async Task<MachineView> SetPolicy(string machineId, string policy) => View(await commands.SetPolicyAsync(User, machineId, policy));

    /// <summary>At what a machine pauses by itself.</summary>
    public IReadOnlyList<PausePointView> PausePoints(string machineId) => Value(commands.PausePoints(User, machineId));

    /// <summary>Adds a pause point.</summary>
    public async Task<PausePointView> AddPausePoint(string machineId, PausePointRequest point) =>
        Value(await commands.AddPausePointAsync(User, machineId, point ?? new PausePointRequest()));

    /// <summary>Takes these pause points, at most 64, in the place of all before.</summary>
    public async Task<IReadOnlyList<PausePointView>> SetPausePoints(string machineId, IReadOnlyList<PausePointRequest?> points) =>
        Value(await commands.SetPausePointsAsync(User, machineId, points));

    /// <summary>Removes a pause point.</summary>
    public async Task<MachineView> RemovePausePoint(string machineId, int point) => View(await commands.RemovePausePointAsync(User, machineId, point));

    private static MachineView View(CommandResult<ManagedMachine> result) => Value(result).View();

    private static T Value<T>(CommandResult<T> result) where T : class =>
        result.Succeeded(out T? value, out CommandError? error) ? value : throw new HubException(error.Message);

    private StrongBox<int> Streams()
    {
        lock (Context.Items)
        {
            if (Context.Items.TryGetValue(s_streamsKey, out object? box))
            {
                return (StrongBox<int>)box!;
            }

            var made = new StrongBox<int>();
            Context.Items[s_streamsKey] = made;
            return made;
        }
    }
}
