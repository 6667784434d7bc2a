using System.Diagnostics;
using Hyperpatch.Engine.Tests.Web.Browser;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>From the start of the built server's process to the first exit that a browser shows.</summary>
internal sealed class StartFigure : IFigure
{
    private const int Rounds = 5;
    private const double LimitSeconds = 3;

    public string Name => "start";

    public bool NeedsKvm => false;

    public IEnumerable<FigureResult> Measure() => [MeasureAsync().GetAwaiter().GetResult()];

    private static async Task<FigureResult> MeasureAsync()
    {
        (string? chromium, string reason) = ChromiumLocator.Find();
        if (chromium is null)
        {
            return new FigureResult($"start to the first exit in the page: not measured, {reason}", "under 3 s", null);
        }

        using IPlaywright playwright = await Playwright.CreateAsync();
        await using IBrowser browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = chromium,
            ChromiumSandbox = !Environment.IsPrivilegedProcess,
            Args = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        });
        List<double> seconds = [];
        for (int i = 0; i < Rounds; i++)
        {
            // A browser context of its own each time: nothing is in its cache.
            await using IBrowserContext context = await browser.NewContextAsync();
            IPage page = await context.NewPageAsync();
            long start = Stopwatch.GetTimestamp();
            using Process server = Process.Start(new ProcessStartInfo("dotnet", [ServerPath(), "--Urls=http://127.0.0.1:0"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }) ?? throw new InvalidOperationException("The server could not be started.");
            try
            {
                _ = await page.GotoAsync(await ReadLinkAsync(server));
                await page.GetByTestId("exits-body").Locator("tr").First.WaitForAsync();
                seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
            finally
            {
                server.Kill();
                await server.WaitForExitAsync();
            }
        }

        return new FigureResult(
            $"server's start to the first exit in the page: {Statistics.Spread(seconds)} s", "under 3 s", Statistics.Median(seconds) < LimitSeconds);
    }

    // Beside this program's own output: Web/bin/CONFIGURATION/FRAMEWORK.
    private static string ServerPath()
    {
        DirectoryInfo output = new(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        string root = output.Parent!.Parent!.Parent!.Parent!.FullName;
        return Path.Combine(root, "Web", "bin", output.Parent.Name, output.Name, "Hyperpatch.Web.dll");
    }

    private static async Task<string> ReadLinkAsync(Process server)
    {
        const string Mark = "Operators:";
        while (await server.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.StartsWith(Mark, StringComparison.Ordinal))
            {
                return line[Mark.Length..].Trim();
            }
        }

        throw new InvalidOperationException($"The server ended with status {server.ExitCode}: {await server.StandardError.ReadToEndAsync()}");
    }
}
