using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Hyperpatch.Engine.Guests.BuiltIn;

namespace Hyperpatch.Engine.Guests;

/// <summary>The built-in guests.</summary>
public static class GuestCatalogue
{
    /// <summary>All of them, the one shown by default first.</summary>
    public static ImmutableArray<BuiltInGuest> All { get; } =
    [
        new MixedGuest(),
        new HelloGuest(),
        new UndefinedGuest(),
        new PatchRaceGuest(),
        new PvSpinlockGuest(),
        new RealModeGuest(),
        new ProtectedModeGuest(),
        new ExitStormGuest(),
    ];

    /// <summary>Finds a guest by its name, without regard to case.</summary>
    /// <param name="name">The name as typed.</param>
    /// <param name="guest">The guest found.</param>
    /// <returns>False when there is none of that name.</returns>
    public static bool TryGet(string? name, [NotNullWhen(true)] out BuiltInGuest? guest)
    {
        foreach (BuiltInGuest candidate in All)
        {
            if (string.Equals(candidate.Name, name, StringComparison.OrdinalIgnoreCase))
            {
                guest = candidate;
                return true;
            }
        }

        guest = null;
        return false;
    }
}
