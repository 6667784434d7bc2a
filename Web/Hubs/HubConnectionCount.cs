using System.Runtime.InteropServices;
using System.Security.Claims;
using Hyperpatch.Web.Security;
using Microsoft.AspNetCore.SignalR;

namespace Hyperpatch.Web.Hubs;

/// <summary>Counts the hub's connections, of all transports, and holds them under a limit, of which nobody gets all.</summary>
public sealed class HubConnectionCount
{
    /// <summary>So many at once.</summary>
    public const int Maximum = 256;

    /// <summary>So many of them for one holder (<see cref="AccessHolder"/>): a hall full of programs behind one address, and the rest for others.</summary>
    public const int MaximumOfOne = Maximum * 7 / 8;

    private static readonly object s_key = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _counts = [];
    private int _count;

    /// <summary>Counts a connection, or refuses it.</summary>
    public bool TryEnter(HubCallerContext connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        string holder = AccessHolder.Of(connection.User ?? new ClaimsPrincipal());
        lock (_lock)
        {
            ref int own = ref CollectionsMarshal.GetValueRefOrAddDefault(_counts, holder, out _);
            if (_count >= Maximum || own >= MaximumOfOne)
            {
                Forget(holder, own);
                return false;
            }

            own++;
            _count++;
        }

        connection.Items[s_key] = holder;
        return true;
    }

    /// <summary>A connection has ended, whether or not it was counted.</summary>
    public void Leave(HubCallerContext connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        if (connection.Items.Remove(s_key, out object? holder) && holder is string name)
        {
            lock (_lock)
            {
                _count--;
                Forget(name, --CollectionsMarshal.GetValueRefOrNullRef(_counts, name));
            }
        }
    }

    // Who has no connection takes no memory.
    private void Forget(string holder, int count)
    {
        if (count == 0)
        {
            _ = _counts.Remove(holder);
        }
    }
}
