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

    /// <summary>Sessions that are known as ended, at most. Beyond that the one is forgotten that ended first.</summary>
    public const int MaximumEnded = 16_384;

    private const string SessionClaim = "hyperpatch:session";

    // A cookie that was prolonged just before the session ended, and whatever a file's time is rounded by.
    private static readonly TimeSpan s_margin = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<Guid, EndedSession> _ended = new();
    private readonly EndedSessionFiles _files;
    private readonly TimeProvider _clock;

    /// <summary>Takes in what ended before this start.</summary>
    /// <param name="files">Where ended sessions are kept.</param>
    /// <param name="clock">The time.</param>
    public SessionRegistry(EndedSessionFiles files, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(clock);
        _files = files;
        _clock = clock;
        foreach (EndedSession session in files.Read())
        {
            _ended[session.Id] = session;
        }

        Forget();
    }

    /// <summary>A session has ended; given its number.</summary>
    private event Action<Guid>? Ended;

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

        // A session that has ended is not prolonged any more.
        EndedSession session = new(id, _clock.GetUtcNow() + Lifetime + s_margin);
        if (_ended.TryAdd(id, session))
        {
            _files.Add(session);
            Ended?.Invoke(id);
            Forget();
        }
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

    /// <summary>A session's number, or null: the identity belongs to none.</summary>
    internal static Guid? Id(ClaimsPrincipal user)
    {
        ArgumentNullException.ThrowIfNull(user);
        return Guid.TryParseExact(user.FindFirstValue(SessionClaim), "N", out Guid id) ? id : null;
    }

    private void Forget()
    {
        DateTimeOffset now = _clock.GetUtcNow();
        foreach (EndedSession old in _ended.Values.Where(session => session.Until <= now))
        {
            Forget(old);
        }

        if (_ended.Count > MaximumEnded)
        {
            EndedSession[] rest = [.. _ended.Values.OrderBy(session => session.Until)];
            foreach (EndedSession old in rest.Take(rest.Length - MaximumEnded))
            {
                Forget(old);
            }
        }
    }

    private void Forget(EndedSession session)
    {
        _ = _ended.TryRemove(session.Id, out _);
        _files.Remove(session);
    }

    private sealed class Watch : IDisposable
    {
        private readonly SessionRegistry _registry;
        private readonly Guid? _id;
        private readonly Action _action;

        public Watch(SessionRegistry registry, Guid? id, Action action)
        {
            _registry = registry;
            _id = id;
            _action = action;
            registry.Ended += OnEnded;
        }

        public void Dispose() => _registry.Ended -= OnEnded;

        private void OnEnded(Guid id)
        {
            if (id == _id)
            {
                _action();
            }
        }
    }
}
