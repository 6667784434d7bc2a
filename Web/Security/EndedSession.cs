namespace Hyperpatch.Web.Security;

/// <summary>A session that has ended.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Until">When its last cookie is too old by itself, so that it can be forgotten.</param>
public sealed record EndedSession(Guid Id, DateTimeOffset Until);
