using Hyperpatch.Engine.Guests;

namespace Hyperpatch.Web.Machines.Views;

/// <summary>Makes <see cref="GuestView"/>s.</summary>
public static class GuestViews
{
    /// <summary>What stands for an image file among the guests of a page; it is not in the catalogue.</summary>
    public static GuestView Image { get; } = new(
        "image",
        "An image file of yours: a flat binary, a static 64-bit ELF executable or a Multiboot image.",
        "16, 32 or 64-bit",
        1,
        64,
        2,
        "For a Multiboot image in its boot information, for 64-bit code at RSI.");

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
