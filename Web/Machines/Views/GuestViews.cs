using Hyperpatch.Engine.Guests;

namespace Hyperpatch.Web.Machines.Views;

/// <summary>Makes <see cref="GuestView"/>s.</summary>
public static class GuestViews
{
    /// <summary>The catalogue, in its order.</summary>
    public static IReadOnlyList<GuestView> All { get; } = [.. GuestCatalogue.All.Select(guest => new GuestView(
        guest.Name,
        guest.Description,
        guest.Mode.ToString().ToLowerInvariant(),
        guest.DefaultProcessors,
        guest.MaximumProcessors,
        guest.MinimumMemoryMiB,
        guest.CommandLineHelp))];
}
