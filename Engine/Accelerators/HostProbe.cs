using System.Collections.Immutable;

namespace Hyperpatch.Engine.Accelerators;

/// <summary>What an accelerator found out about this host when it was first used.</summary>
/// <param name="Results">One row an instruction.</param>
/// <param name="Levels">The interception level that follows, by vendor name (<c>intel</c>, <c>amd</c>).</param>
/// <param name="IsForced">Whether configuration overrides the level.</param>
public sealed record HostProbe(
    ImmutableArray<ProbeResult> Results, ImmutableDictionary<string, InterceptionLevel> Levels, bool IsForced);
