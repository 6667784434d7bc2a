using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Interception;

namespace Hyperpatch.Engine.Machine;

/// <summary>Names of policies and levels in configuration, API and command line.</summary>
public static class PolicyNames
{
    /// <summary>All policies, for messages.</summary>
    public const string AllPolicies = "force, faithful, emulate, inject";

    private static readonly string[] s_policies = ["force", "faithful", "emulate", "inject"];
    private static readonly string[] s_levels = ["trap", "native", "step"];

    /// <summary>Name of a policy.</summary>
    /// <param name="policy">The policy.</param>
    public static string Of(PatchPolicy policy) => s_policies[(int)policy];

    /// <summary>Name of a level.</summary>
    /// <param name="level">The level.</param>
    public static string Of(InterceptionLevel level) => s_levels[(int)level];

    /// <summary>Finds a policy by its name, without regard to case.</summary>
    /// <param name="name">The name as typed.</param>
    /// <param name="policy">The policy found.</param>
    public static bool TryParse(string? name, out PatchPolicy policy)
    {
        int index = Array.FindIndex(s_policies, candidate => string.Equals(candidate, name, StringComparison.OrdinalIgnoreCase));
        policy = index >= 0 ? (PatchPolicy)index : default;
        return index >= 0;
    }

    /// <summary>Finds a level by its name, without regard to case.</summary>
    /// <param name="name">The name as typed.</param>
    /// <param name="level">The level found.</param>
    public static bool TryParse(string? name, out InterceptionLevel level)
    {
        int index = Array.FindIndex(s_levels, candidate => string.Equals(candidate, name, StringComparison.OrdinalIgnoreCase));
        level = index >= 0 ? (InterceptionLevel)index : default;
        return index >= 0;
    }
}
