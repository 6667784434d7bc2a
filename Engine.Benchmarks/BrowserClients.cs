using System.Globalization;
using System.Text.Json;
using Hyperpatch.Engine.Tests.Web.Browser;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>
/// Pages of one Chromium, each in a context of its own (cookies, cache, circuit), in a process of their own. Takes commands, a line each:
/// <c>open COUNT ADDRESS</c>, <c>load ROUNDS ADDRESS</c> (answers: milliseconds until the page can be used (median of all but
/// the first load, which warms up the server and this program; then that of the first), bytes sent, bytes of text sent without compression), <c>latency SECONDS ADDRESS</c> (answers: p50 and p99 in milliseconds, number of exits), <c>redraw ROUNDS
/// ADDRESS</c> (answers: median of milliseconds a redraw of an hour, fastest, points drawn, mean).
/// </summary>
internal static class BrowserClients
{
    /// <summary>First word of the command line.</summary>
    public const string Command = "browser-clients";

    // Each row of the exits says when the exit was; it is seen when the browser draws the next time after the row has come.
    private const string Observe = """
        () => {
          globalThis.latencies = [];
          const body = document.querySelector('[data-testid="exits-body"]');
          const newest = () => Number(body.querySelector('tr[data-sequence]')?.dataset.sequence ?? 0);
          let last = newest();
          new MutationObserver(() => requestAnimationFrame(() => {
            const now = Date.now();
            const day = now - now % 86400000;
            for (const row of body.rows) {
              if (!row.dataset.sequence) continue;
              if (Number(row.dataset.sequence) <= last) break;
              const [h, m, s] = row.querySelector('.hp-time').textContent.split(':');
              latencies.push(now - (day + (Number(h) * 60 + Number(m)) * 60000 + Math.round(Number(s) * 1000)));
            }
            last = newest();
          })).observe(body, { childList: true });
        }
        """;

    public static async Task<int> RunAsync(string[] arguments)
    {
        using IPlaywright playwright = await Playwright.CreateAsync();
        await using IBrowser browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = arguments[0],
            ChromiumSandbox = !Environment.IsPrivilegedProcess,
            Args = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
        });
        while (await Console.In.ReadLineAsync() is { } line)
        {
            string[] words = line.Split(' ');
            int number = int.Parse(words[1], CultureInfo.InvariantCulture);
            Console.WriteLine(words[0] switch
            {
                "open" => await OpenAsync(browser, arguments[1], words[2], number),
                "load" => await LoadAsync(browser, arguments[1], words[2], number),
                "redraw" => await RedrawAsync(browser, arguments[1], words[2], number),
                "latency" => await LatencyAsync(browser, arguments[1], words[2], number),
                _ => throw new ArgumentException($"\"{line}\" is no command."),
            });
        }

        return 0;
    }

    private static async Task<IPage> LogInAsync(IBrowser browser, string login)
    {
        // UTC, which is what the rows' times are then compared in.
        IBrowserContext context = await browser.NewContextAsync(new BrowserNewContextOptions { TimezoneId = "UTC", ViewportSize = new ViewportSize { Width = 1280, Height = 800 } });
        IPage page = await context.NewPageAsync();
        page.SetDefaultTimeout(120_000);

        // The log-in alone: the page that it goes on to would fill the cache.
        _ = await context.APIRequest.GetAsync(login);
        return page;
    }

    private static async Task<string> OpenAsync(IBrowser browser, string login, string address, int count)
    {
        for (int i = 0; i < count; i++)
        {
            IPage page = await LogInAsync(browser, login);
            _ = await page.GotoAsync(address);
            await FirstExit(page).WaitForAsync();
        }

        return "ok";
    }

    private static async Task<string> LoadAsync(IBrowser browser, string login, string address, int rounds)
    {
        List<double> times = [];
        double sent = 0;
        double plain = 0;
        for (int i = 0; i <= rounds; i++)
        {
            IPage page = await LogInAsync(browser, login);
            (double own, double text) = (0, 0);
            HashSet<string> uncompressed = [];
            ICDPSession network = await page.Context.NewCDPSessionAsync(page);
            network.Event("Network.responseReceived").OnEvent += (_, message) =>
            {
                JsonElement response = message!.Value.GetProperty("response");
                bool isText = response.GetProperty("mimeType").GetString() is "text/javascript" or "text/css" or "text/html" or "application/javascript" or "image/svg+xml";
                bool encoded = response.GetProperty("headers").EnumerateObject().Any(header => header.Name.Equals("content-encoding", StringComparison.OrdinalIgnoreCase));
                if (isText && !encoded)
                {
                    _ = uncompressed.Add(message.Value.GetProperty("requestId").GetString()!);
                }
            };
            network.Event("Network.loadingFinished").OnEvent += (_, message) =>
            {
                double length = message!.Value.GetProperty("encodedDataLength").GetDouble();
                own += length;
                text += uncompressed.Contains(message.Value.GetProperty("requestId").GetString()!) ? length : 0;
            };
            _ = await network.SendAsync("Network.enable");
            _ = await page.GotoAsync(address, new PageGotoOptions { WaitUntil = WaitUntilState.Commit });
            _ = await page.WaitForFunctionAsync("() => document.querySelector('[data-testid=\"exits-body\"] tr[data-sequence]') && (globalThis.usableAt ??= performance.now())", null, new PageWaitForFunctionOptions { Timeout = 120_000 });
            times.Add(await page.EvaluateAsync<double>("() => usableAt"));
            // The library of the charts comes once there is something to draw.
            await page.GetByTestId("exits-chart").Locator("canvas").First.WaitForAsync();
            await page.WaitForLoadStateAsync(LoadState.NetworkIdle);
            (sent, plain) = (own, text);
            await page.Context.CloseAsync();
        }

        return string.Create(CultureInfo.InvariantCulture, $"{Statistics.Median(times[1..])} {times[0]} {sent} {plain}");
    }

    private static async Task<string> LatencyAsync(IBrowser browser, string login, string address, int seconds)
    {
        IPage page = await LogInAsync(browser, login);
        _ = await page.GotoAsync(address);
        await FirstExit(page).WaitForAsync();
        await Task.Delay(TimeSpan.FromSeconds(3));
        _ = await page.EvaluateAsync(Observe);
        await Task.Delay(TimeSpan.FromSeconds(seconds));
        double[] latencies = [.. (await page.EvaluateAsync<double[]>("() => latencies")).Order()];
        return latencies.Length == 0
            ? throw new InvalidOperationException("No exit was seen.")
            : string.Create(CultureInfo.InvariantCulture, $"{latencies[latencies.Length / 2]} {latencies[(int)(latencies.Length * 0.99)]} {latencies.Length}");
    }

    private static async Task<string> RedrawAsync(IBrowser browser, string login, string address, int rounds)
    {
        IPage page = await LogInAsync(browser, login);
        _ = await page.GotoAsync(address);
        List<double> times = [];
        double points = 0;
        for (int i = 0; i < rounds; i++)
        {
            double[] round = await page.EvaluateAsync<double[]>(ChartRedraw.Measure);
            times.AddRange(round[..^1]);
            points = round[^1];
        }

        await page.Context.CloseAsync();
        return string.Create(CultureInfo.InvariantCulture, $"{Statistics.Median(times)} {times.Min()} {points} {times.Average()}");
    }

    private static ILocator FirstExit(IPage page) => page.GetByTestId("exits-body").Locator("tr[data-sequence]").First;
}
