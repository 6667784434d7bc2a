using System.Text.Json;
using Hyperpatch.Web.Security;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>What a browser that was never here before is sent.</summary>
/// <param name="fixture">The browser.</param>
public sealed class FirstLoadTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    private const double MostBytes = 2.5e6;
    private const double WorthCompressing = 2048;

    [Fact]
    public async Task It_is_small_and_every_text_in_it_is_compressed()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        await using IBrowserContext context = await browser.NewContextAsync();
        IPage page = await context.NewPageAsync();
        ICDPSession network = await context.NewCDPSessionAsync(page);
        Dictionary<string, (string Name, bool Plain)> asked = [];
        Dictionary<string, double> sent = [];
        network.Event("Network.responseReceived").OnEvent += (_, message) =>
        {
            JsonElement response = message!.Value.GetProperty("response");
            bool isText = response.GetProperty("mimeType").GetString() is "text/javascript" or "application/javascript" or "text/css";
            bool isEncoded = response.GetProperty("headers").EnumerateObject().Any(header => header.Name.Equals("content-encoding", StringComparison.OrdinalIgnoreCase));
            asked[message.Value.GetProperty("requestId").GetString()!] = (response.GetProperty("url").GetString()!, isText && !isEncoded);
        };
        network.Event("Network.loadingFinished").OnEvent += (_, message) =>
            sent[message!.Value.GetProperty("requestId").GetString()!] = message.Value.GetProperty("encodedDataLength").GetDouble();
        _ = await network.SendAsync("Network.enable");
        _ = await page.GotoAsync(dashboard.Application.LoginLink(AccessRole.Viewer).ToString());
        await Assertions.Expect(page.GetByTestId("exits-body").Locator("tr[data-sequence]").First).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByTestId("exits-chart").Locator("canvas")).ToBeVisibleAsync();
        foreach ((string id, double length) in sent.OrderByDescending(one => one.Value).Take(8))
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"{length,9:N0} {asked.GetValueOrDefault(id)}");
        }

        Assert.Contains(asked.Values, one => one.Name.Contains("echarts", StringComparison.Ordinal));
        Assert.Empty(asked.Where(one => one.Value.Plain && sent.GetValueOrDefault(one.Key) > WorthCompressing).Select(one => one.Value.Name));
        Assert.InRange(sent.Values.Sum(), 1, MostBytes);
    }

    [Fact]
    public async Task A_document_asks_for_every_script_that_its_page_imports()
    {
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        string machine = dashboard.Machine.Id;
        await using Visitor visitor = await Visitor.LogInAsync(fixture.Browser, dashboard, AccessRole.Operator);
        foreach ((string path, string shown) in new[]
        {
            ("/", "[data-testid=machine-card] canvas"),
            ("/machines", "[data-testid=machine-card] canvas"),
            ($"/machines/{machine}", "[data-testid=exits-chart] canvas"),
            ($"/machines/{machine}?pane=latency", "[data-testid=pane-latency] canvas"),
            ($"/compare?left={machine}&right={machine}", "main canvas"),
            ("/machines/new", "[data-testid=create]"),
            ("/host", "[data-testid=accelerator-software]"),
            ("/editor", "[data-testid=assembler]"),
        })
        {
            _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, path).ToString());
            await Assertions.Expect(visitor.Page.Locator(shown).First).ToBeVisibleAsync();
            string[] late = await visitor.Page.EvaluateAsync<string[]>("""
                () => {
                  const asked = [...document.querySelectorAll('link[rel=modulepreload], script[src]')].map(one => one.href || one.src);
                  return performance.getEntriesByType('resource').map(one => one.name).filter(name => new URL(name).pathname.startsWith('/js/') && !asked.includes(name));
                }
                """);
            Assert.True(late.Length == 0, $"{path}: {string.Join(", ", late)}");
        }

        Assert.Empty(visitor.Complaints);
    }
}
