using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>Pictures for people to look at: in the folder that HYPERPATCH_SCREENSHOTS names, else beside the tests.</summary>
internal static class Pictures
{
    private static string Folder => Environment.GetEnvironmentVariable("HYPERPATCH_SCREENSHOTS") is { Length: > 0 } named
        ? named
        : Path.Combine(AppContext.BaseDirectory, "screenshots");

    /// <summary>Takes and keeps one.</summary>
    /// <param name="page">Of this page.</param>
    /// <param name="name">Its name, without the ending.</param>
    /// <param name="fullPage">The whole length of the page instead of what the window shows.</param>
    public static async Task SaveAsync(IPage page, string name, bool fullPage = false)
    {
        byte[] picture = await page.ScreenshotAsync(new PageScreenshotOptions { FullPage = fullPage });
        Assert.NotEmpty(picture);
        await WriteAsync(picture, $"{name}.png");
    }

    /// <summary>Keeps a file.</summary>
    public static async Task WriteAsync(byte[] content, string file)
    {
        _ = Directory.CreateDirectory(Folder);
        await File.WriteAllBytesAsync(Path.Combine(Folder, file), content, TestContext.Current.CancellationToken);
    }
}
