using Hyperpatch.Web.Machines.Commands;

namespace Hyperpatch.Web.Api;

/// <summary>All pause points that a machine is to have.</summary>
/// <param name="Points">The points.</param>
public sealed record PausePointsBody(IReadOnlyList<PausePointRequest?>? Points);
