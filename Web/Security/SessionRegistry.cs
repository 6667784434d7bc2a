using System.Collections.Concurrent;
using System.Security.Claims;

namespace Hyperpatch.Web.Security;

/// <summary>
/// Sessions that somebody has logged out of. A cookie proves itself and would be good for hours to come, and what a session has
/// open (circuits, hub connections) carries its identity from before: all of them ask here.
/// </summary>
public sealed class SessionRegistry
{
    /// <summary>How long a session's cookie is good for.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(12);

    private const string SessionClaim = "hyperpatch:session";

    private readonly ConcurrentDictionary<string, long> _ended = new();

    /// <summary>A session has ended; given its number.</summary>
    private event Action<string>? Ended;

    /// <summary>The claim that tells a new session from all others.</summary>
    public static Claim NewClaim() => new(SessionClaim, Guid.NewGuid().ToString("N"));

    /// <summary>Whether an identity belongs to a session at all; a program's token does not.</summary>
    public static bool HasSession(ClaimsPrincipal user) => Id(user) is not null;

    /// <summary>Whether somebody has logged out of this session.</summary>
    public bool IsOver(ClaimsPrincipal user) => Id(user) is { } id && _ended.ContainsKey(id);

    /// <summary>Ends a session: from now on nothing that it has open may do anything.</summary>
    public void End(ClaimsPrincipal user)
    {
        if (Id(user) is not { } id)
        {
            return;
        }

        // A session that has ended is not prolonged any more: when its last cookie is too old by itself, it can be forgotten.
        long now = Environment.TickCount64;
        foreach ((string old, long at) in _ended)
        {
            if (now - at > Lifetime.TotalMilliseconds)
            {
                _ended.TryRemove(old, out _);
            }
        }

        _ended[id] = now;
        Ended?.Invoke(id);
    }

    /// <summary>Calls back, on any thread, when the session ends. The caller disposes of what it is given.</summary>
    public IDisposable WhenOver(ClaimsPrincipal user, Action ended)
    {
        ArgumentNullException.ThrowIfNull(ended);
        var watch = new Watch(this, Id(user), ended);

        // It may have ended between the request's check and now.
        if (IsOver(user))
        {
            ended();
        }

        return watch;
    }

    private static string? Id(ClaimsPrincipal user)
    {
        ArgumentNullException.ThrowIfNull(user);
        return user.FindFirstValue(SessionClaim);
    }

    private sealed class Watch : IDisposable
    {
        private readonly SessionRegistry _registry;
        private readonly string? _id;
        private readonly Action _action;

        public Watch(SessionRegistry registry, string? id, Action action)
        {
            _registry = registry;
            _id = id;
            _action = action;
            registry.Ended += OnEnded;
        }

        public void Dispose() => _registry.Ended -= OnEnded;

        private void OnEnded(string id)
        {
            if (id == _id)
            {
                _action();
            }
        }
    }
}
