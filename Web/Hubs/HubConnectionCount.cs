using Microsoft.AspNetCore.SignalR;

namespace Hyperpatch.Web.Hubs;

/// <summary>Counts the hub's connections, of all transports, and holds them under a limit.</summary>
public sealed class HubConnectionCount
{
    /// <summary>So many at once.</summary>
    public const int Maximum = 256;

    private static readonly object s_key = new();
    private int _count;

    /// <summary>Counts a connection, or refuses it.</summary>
    public bool TryEnter(HubCallerContext connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        if (Interlocked.Increment(ref _count) > Maximum)
        {
            Interlocked.Decrement(ref _count);
            return false;
        }

        connection.Items[s_key] = true;
        return true;
    }

    /// <summary>A connection has ended, whether or not it was counted.</summary>
    public void Leave(HubCallerContext connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        if (connection.Items.Remove(s_key))
        {
            Interlocked.Decrement(ref _count);
        }
    }
}
