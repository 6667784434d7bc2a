using Hyperpatch.Engine.Machine.PausePoints;

namespace Hyperpatch.Web.Machines.Commands;

/// <summary>Names of the kinds of pause points in the API.</summary>
internal static class PausePointNames
{
    /// <summary>All names, in the order of the kinds.</summary>
    public static IReadOnlyList<string> All { get; } = ["address", "exit", "hypercall", "patch", "invalid-opcode"];

    /// <summary>Name of a kind.</summary>
    public static string Of(PausePointKind kind) => All[(int)kind];

    /// <summary>Finds a kind by its name, without regard to case.</summary>
    public static bool TryParse(string? name, out PausePointKind kind)
    {
        for (int i = 0; i < All.Count; i++)
        {
            if (string.Equals(All[i], name, StringComparison.OrdinalIgnoreCase))
            {
                kind = (PausePointKind)i;
                return true;
            }
        }

        kind = default;
        return false;
    }
}
