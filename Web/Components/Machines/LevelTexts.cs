using Hyperpatch.Web.Texts;

namespace Hyperpatch.Web.Components.Machines;

/// <summary>What the interception levels mean, in words.</summary>
public static class LevelTexts
{
    /// <summary>All levels, the one that shows most first.</summary>
    public static IReadOnlyList<(string Level, string Text)> All { get; } =
    [
        ("trap", MachineTexts.LevelTrap),
        ("native", MachineTexts.LevelNative),
        ("step", MachineTexts.LevelStep),
    ];

    /// <summary>What a level means.</summary>
    public static string Describe(string level) => All.FirstOrDefault(known => known.Level == level).Text ?? "";
}
