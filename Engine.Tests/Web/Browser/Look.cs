using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>What a person's system asks pages to look like.</summary>
public enum Look
{
    Light,
    Dark,

    /// <summary>prefers-contrast: more, with light colours.</summary>
    Contrast,

    /// <summary>prefers-contrast: more, with dark colours.</summary>
    DarkContrast,
}

internal static class LookExtensions
{
    public static ColorScheme Scheme(this Look look) => look is Look.Dark or Look.DarkContrast ? ColorScheme.Dark : ColorScheme.Light;

    public static Contrast Contrast(this Look look) =>
        look is Look.Contrast or Look.DarkContrast ? Microsoft.Playwright.Contrast.More : Microsoft.Playwright.Contrast.NoPreference;

    /// <summary>Changes what a page is asked to look like while it is open, and waits until it does.</summary>
    public static async Task EmulateAsync(this Look look, IPage page)
    {
        await page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = look.Scheme(), Contrast = look.Contrast() });
        string contrast = look is Look.Contrast or Look.DarkContrast ? "[data-contrast]" : ":not([data-contrast])";
        string theme = look.Scheme() == ColorScheme.Dark ? "dark" : "light";
        await Assertions.Expect(page.Locator($"html{contrast}[data-theme={theme}]")).ToHaveCountAsync(1);
    }

    /// <summary>As in the names of pictures.</summary>
    public static string Text(this Look look) => look switch
    {
        Look.Light => "light",
        Look.Dark => "dark",
        Look.Contrast => "contrast",
        _ => "contrast-dark",
    };
}
