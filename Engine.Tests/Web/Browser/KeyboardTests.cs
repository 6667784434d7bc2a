using System.Text.Json;
using System.Text.RegularExpressions;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Web.Components.Machines;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Security;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>Everything with the keyboard alone.</summary>
/// <param name="fixture">The browser.</param>
public sealed class KeyboardTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    private const int MostStops = 200;
    private static readonly Dictionary<string, string?> s_demo = new() { ["Demo:Enabled"] = "true" };

    // What a person can use on the page, marked with a number; and the number of what has the focus, with whether one can see that it has.
    private const string Mark = """
        () => [...document.querySelectorAll('a[href], button, input, select, textarea, [tabindex="0"]')]
          .filter(one => !one.disabled && one.checkVisibility({ visibilityProperty: true }) && !one.closest('dialog:not([open])'))
          .map((one, index) => { one.dataset.stop = index; return `${one.tagName} ${one.dataset.testid ?? ''} ${(one.textContent || one.ariaLabel || '').trim().slice(0, 40)}`; })
        """;

    private const string Focus = """
        () => {
          const one = document.activeElement;
          if (!one || one === document.body) return { stop: -1, seen: true };
          const style = getComputedStyle(one);
          const box = one.getBoundingClientRect();
          const seen = one.matches(':focus-visible') && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
            && box.bottom > 0 && box.top < innerHeight && box.width > 0;
          return { stop: one.dataset.stop === undefined ? -2 : Number(one.dataset.stop), seen };
        }
        """;

    [Theory]
    [InlineData("overview")]
    [InlineData("exits")]
    [InlineData("sites&site=1")]
    [InlineData("memory&address=%231")]
    [InlineData("serial")]
    public async Task Tab_reaches_everything_on_the_machines_page_and_the_focus_is_seen(string pane)
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync(s_demo);
        dashboard.RequireAccelerator();
        VirtualMachine machine = TheMachine(dashboard);
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator, Look.Light);
        await Assertions.Expect(driver.Test("site-row").Nth(3)).ToBeVisibleAsync();

        // Nothing that rows of exits push away while they are counted.
        await driver.Page.Keyboard.PressAsync("Space");
        await Assertions.Expect(driver.Test("machine-state")).ToContainTextAsync("paused");
        _ = await driver.Page.GotoAsync(new Uri(dashboard.Address, $"/machines/{machine.Id}?pane={pane}").ToString());
        await Assertions.Expect(driver.Test($"pane-{pane.Split('&')[0]}")).ToBeVisibleAsync();
        await Assertions.Expect(driver.Test("machine-state")).ToContainTextAsync("paused");
        await Task.Delay(500, TestContext.Current.CancellationToken);
        string[] stops = await driver.Page.EvaluateAsync<string[]>(Mark);
        HashSet<int> reached = [];
        List<string> unseen = [];
        for (int i = 0; i < MostStops + 4 && reached.Count < stops.Length; i++)
        {
            await driver.Page.Keyboard.PressAsync("Tab");
            JsonElement focus = await driver.Page.EvaluateAsync<JsonElement>(Focus);
            int stop = focus.GetProperty("stop").GetInt32();
            if (stop >= 0 && reached.Add(stop) && !focus.GetProperty("seen").GetBoolean())
            {
                unseen.Add(stops[stop]);
            }
        }

        Assert.InRange(stops.Length, 20, 400);
        if (stops.Length <= MostStops)
        {
            Assert.Empty(stops.Where((_, index) => !reached.Contains(index)));
        }

        Assert.Empty(unseen);
        Assert.Empty(driver.Complaints);
    }

    [Fact]
    public async Task Every_shortcut_in_the_list_does_what_the_list_says()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync(s_demo);
        dashboard.RequireAccelerator();
        VirtualMachine machine = TheMachine(dashboard);
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator, Look.Light);
        IPage page = driver.Page;
        await Assertions.Expect(driver.Test("site-row").Nth(3)).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("?");
        ILocator list = page.Locator("[data-hp-shortcuts-list] div");
        await Assertions.Expect(list.First).ToBeVisibleAsync();
        string[] keys = await page.Locator("[data-hp-shortcuts-list] kbd").EvaluateAllAsync<string[]>("all => all.map(one => one.textContent)");
        await page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(list.First).ToBeHiddenAsync();
        Assert.Superset(new HashSet<string>(["?", "Space", "s", "a", "i", "t", "m", "n", "h", .. MachinePane.All.Select(pane => pane.Key)]), keys.ToHashSet());

        foreach (MachinePane pane in MachinePane.All)
        {
            await page.Keyboard.PressAsync(pane.Key);
            await Assertions.Expect(driver.Test($"pane-{pane.Id}")).ToBeVisibleAsync();
            await Assertions.Expect(driver.Test($"tab-{pane.Id}")).ToHaveAttributeAsync("aria-current", "page");
        }

        await page.Keyboard.PressAsync("a");
        await Assertions.Expect(driver.Test("vendor-amd")).ToHaveAttributeAsync("aria-pressed", "true");
        await page.Keyboard.PressAsync("i");
        await Assertions.Expect(driver.Test("vendor-intel")).ToHaveAttributeAsync("aria-pressed", "true");
        Assert.Equal("intel", machine.Vendor.Id);
        await page.Keyboard.PressAsync("Space");
        await Assertions.Expect(driver.Test("machine-state")).ToContainTextAsync("paused");
        await Assertions.Expect(driver.Test("step")).ToBeEnabledAsync();
        ulong before = machine.Processors[0].Snapshot!.Registers.Rip;
        await page.Keyboard.PressAsync("s");
        await Patience.UntilAsync("another instruction pointer after a step", () => Task.FromResult(machine.Processors.Any(one => one.Snapshot!.Registers.Rip != before)));
        await page.Keyboard.PressAsync("Space");
        await Assertions.Expect(driver.Test("machine-state")).ToContainTextAsync("running");
        await page.Keyboard.PressAsync("t");
        await Assertions.Expect(driver.Test("theme-system")).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Escape");
        foreach ((string key, string address) in new[] { ("n", "/new$"), ("h", "/host$"), ("m", "/$") })
        {
            await page.Keyboard.PressAsync(key);
            await page.WaitForURLAsync(new Regex(address));
        }

        Assert.Empty(driver.Complaints);
    }

    [Fact]
    public async Task A_letter_typed_into_a_field_is_a_letter()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync(s_demo);
        dashboard.RequireAccelerator();
        VirtualMachine machine = TheMachine(dashboard);
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator, Look.Light);
        _ = await driver.Page.GotoAsync(new Uri(dashboard.Address, $"/machines/{machine.Id}?pane=serial").ToString());
        await driver.Test("serial-input").FocusAsync();
        await driver.Page.Keyboard.TypeAsync("a 2s?");
        await Assertions.Expect(driver.Test("serial-input")).ToHaveValueAsync("a 2s?");
        Assert.Equal("intel", machine.Vendor.Id);
        Assert.Equal(MachineState.Running, machine.State);
        Assert.Empty(driver.Complaints);
    }

    private static VirtualMachine TheMachine(Dashboard dashboard) =>
        Assert.Single(dashboard.Application.Services.GetRequiredService<MachineRegistry>().All).Machine;
}
