using System.Threading.RateLimiting;
using Hyperpatch.Web.Configuration;

namespace Hyperpatch.Web.Security;

/// <summary>
/// Counts wrong tokens by address (<see cref="ClientAddress"/>), and says when there were too many in the last minute. Right ones cost nothing: a team behind one
/// address may log in as often as it likes.
/// </summary>
/// <remarks>
/// Log-ins and programs' requests have a count each: programs that go on with an old token after a restart would otherwise keep
/// people out.
/// </remarks>
public sealed class LoginAttempts(SecurityOptions options) : IDisposable
{
    private readonly PartitionedRateLimiter<string> _wrong = PartitionedRateLimiter.Create<string, string>(key =>
        RateLimitPartition.GetFixedWindowLimiter(key, _ => new FixedWindowRateLimiterOptions
        {
            PermitLimit = options.LoginAttemptsPerMinute,
            Window = TimeSpan.FromMinutes(1),
        }));

    /// <summary>
    /// Whether nothing more is looked at from this address for now, right or wrong: an answer to a right token alone would tell it from the others.
    /// </summary>
    public bool Exhausted(HttpContext context, string kind)
    {
        // Asking for none of what is left tells whether there is any.
        using RateLimitLease lease = _wrong.AttemptAcquire(Key(context, kind), 0);
        return !lease.IsAcquired;
    }

    /// <summary>Counts a wrong token.</summary>
    public void CountWrong(HttpContext context, string kind) => _wrong.AttemptAcquire(Key(context, kind)).Dispose();

    /// <inheritdoc/>
    public void Dispose() => _wrong.Dispose();

    private static string Key(HttpContext context, string kind) => kind + ' ' + ClientAddress.Of(context);
}
