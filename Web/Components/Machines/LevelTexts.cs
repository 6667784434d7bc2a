namespace Hyperpatch.Web.Components.Machines;

/// <summary>What the interception levels mean, in words.</summary>
public static class LevelTexts
{
    /// <summary>All levels, the one that shows most first.</summary>
    public static IReadOnlyList<(string Level, string Text)> All { get; } =
    [
        ("trap", "Both vendors' hypercall instructions come to the host as #UD: every call and every patch is seen, at full speed."),
        ("native", "The host's kernel serves its own vendor's hypercalls without telling: every patch is seen, calls only at up to three patched sites; the kernel counts the rest."),
        ("step", "The guest is single-stepped: everything is seen, slowly."),
    ];

    /// <summary>What a level means.</summary>
    public static string Describe(string level) => All.FirstOrDefault(known => known.Level == level).Text ?? "";
}
