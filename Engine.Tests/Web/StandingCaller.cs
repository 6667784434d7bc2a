using System.Security.Claims;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.SignalR;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>A hub's caller without a network: hundreds of them, from addresses that this host does not have.</summary>
/// <param name="user">Who it is.</param>
internal sealed class StandingCaller(ClaimsPrincipal user) : HubCallerContext
{
    public override string ConnectionId { get; } = Guid.NewGuid().ToString("N");

    public override string? UserIdentifier => null;

    public override ClaimsPrincipal? User => user;

    public override IDictionary<object, object?> Items { get; } = new Dictionary<object, object?>();

    public override IFeatureCollection Features { get; } = new FeatureCollection();

    public override CancellationToken ConnectionAborted => CancellationToken.None;

    public override void Abort()
    {
    }
}
