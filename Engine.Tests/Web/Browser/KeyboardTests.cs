using System.Text.Json;
using System.Text.RegularExpressions;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.PausePoints;
using Hyperpatch.Web.Components.Machines;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Assembling;
using Hyperpatch.Web.Security;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>Everything with the keyboard alone.</summary>
/// <param name="fixture">The browser.</param>
public sealed class KeyboardTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    private const int MostStops = 200;
    // What a person can use on the page (of radio buttons the one that is chosen; the arrow keys go to the others), marked with a number; and the number of what has the focus, with whether one can see that it has.
    private const string Mark = """
        () => {
          for (const one of document.querySelectorAll('[data-stop]')) delete one.dataset.stop;
          return [...document.querySelectorAll('a[href], button, input, select, textarea, [tabindex="0"]')]
            .filter(one => one.tabIndex >= 0 && (one.type !== 'radio' || one.checked))
            .filter(one => !one.disabled && one.matches(':enabled, a, [tabindex]') && one.checkVisibility({ visibilityProperty: true }) && !one.closest('dialog:not([open])'))
            .map((one, index) => { one.dataset.stop = index; return `${one.tagName} ${one.dataset.testid ?? ''} ${(one.textContent || one.ariaLabel || '').trim().slice(0, 40)}`; });
        }
        """;

    // Writes down, for everything that gets the focus from here on, its number, and whether one can see that it has it.
    private const string Record = """
        () => {
          globalThis.visited = [];
          if (globalThis.recording) return;
          globalThis.recording = true;
          addEventListener('focusin', event => {
            const one = event.target;
            if (one.dataset.stop === undefined) return;
            const style = getComputedStyle(one);
            const box = one.getBoundingClientRect();
            const seen = one.matches(':focus-visible') && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
              && box.bottom > 0 && box.top < innerHeight && box.width > 0;
            visited.push({ stop: Number(one.dataset.stop), seen });
          });
        }
        """;

    // What was written down since the last time.
    private const string Visited = "() => visited.splice(0)";

    // Presses of a key that are sent without waiting for each one's answer.
    private const int Presses = 20;

    [Fact]
    public async Task Tab_reaches_everything_on_every_page_and_the_focus_is_seen()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator, Look.Light);
        await Assertions.Expect(driver.Test("site-row").Nth(3)).ToBeVisibleAsync();

        // Nothing that rows of exits push away while they are counted.
        await driver.Page.Keyboard.PressAsync("Space");
        await Assertions.Expect(driver.Test("machine-state")).ToContainTextAsync("paused");
        _ = machine.AddPausePoint(new PausePointOptions { Kind = PausePointKind.Hypercall, Number = 0x7FFF_FFFF });
        List<string> wrong = [];
        foreach ((string name, string path, string landmark) in DashboardPages.All(machine.Id))
        {
            _ = await driver.Page.GotoAsync(new Uri(dashboard.Address, path).ToString());
            await Assertions.Expect(driver.Test(landmark).First).ToBeVisibleAsync();
            string[] stops = await SettledStopsAsync(driver.Page);
            Assert.True(stops.Length > 5, $"{name} has {stops.Length} things to use");
            HashSet<int> reached = [];

            // Once round: what has come up since the marks were set lies on the way, too, and is not counted.
            int wanted = Math.Min(stops.Length, MostStops);
            _ = await driver.Page.EvaluateAsync(Record);
            for (int i = 0; i < (2 * wanted) + 20 && reached.Count < wanted; i += Presses)
            {
                await Task.WhenAll(Enumerable.Range(0, Presses).Select(_ => driver.Page.Keyboard.PressAsync("Tab")));
                foreach (JsonElement focus in (await driver.Page.EvaluateAsync<JsonElement>(Visited)).EnumerateArray())
                {
                    int stop = focus.GetProperty("stop").GetInt32();
                    if (reached.Add(stop) && !focus.GetProperty("seen").GetBoolean())
                    {
                        wrong.Add($"{name}: the focus is not seen on {stops[stop]}");
                    }
                }
            }

            // Of a very long page (rows of exits are links, each) the first part stands for the rest.
            if (stops.Length <= MostStops)
            {
                wrong.AddRange(stops.Where((_, index) => !reached.Contains(index)).Select(stop => $"{name}: Tab does not reach {stop}"));
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.Empty(driver.Complaints);
    }

    [Fact]
    public async Task Filters_pause_points_and_the_vendor_are_worked_with_keys_alone()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator, Look.Light);
        IPage page = driver.Page;
        IKeyboard keys = page.Keyboard;
        await Assertions.Expect(driver.Test("site-row").Nth(3)).ToBeVisibleAsync();

        await TabToAsync(driver, "vendor-amd");
        await keys.PressAsync("Enter");
        await Assertions.Expect(driver.Test("vendor-amd")).ToHaveAttributeAsync("aria-pressed", "true");

        await TabToAsync(driver, "tab-exits");
        await keys.PressAsync("Enter");
        await Assertions.Expect(driver.Test("pane-exits")).ToBeVisibleAsync();
        await TabToAsync(driver, "range-5m");
        await keys.PressAsync("Enter");
        await Assertions.Expect(page).ToHaveURLAsync(new Regex("range=5m"));
        await TabToAsync(driver, "filter-reason");
        await keys.TypeAsync("Hyper");
        await Assertions.Expect(page).ToHaveURLAsync(new Regex("reason=Hypercall"));
        await TabToAsync(driver, "filter-port");
        await keys.TypeAsync("0x3F8");
        await keys.PressAsync("Enter");
        await Assertions.Expect(page).ToHaveURLAsync(new Regex("port=0x3F8"));
        await TabToAsync(driver, "filter-clear");
        await keys.PressAsync("Enter");
        await Assertions.Expect(page).ToHaveURLAsync(new Regex("range=5m$"));
        await TabToAsync(driver, "pause-view");
        await keys.PressAsync("Space");
        await Assertions.Expect(driver.Test("pause-view")).ToHaveAttributeAsync("aria-pressed", "true");
        Assert.Equal(MachineState.Running, machine.State);

        // Past the export menu and the scroll area. One stop for thousands of rows, and arrows from there.
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync("Tab");
        const string Row = "() => document.activeElement.closest('[data-testid=exits-body] tr')?.ariaRowIndex ?? 'none'";
        Assert.Equal("2", await page.EvaluateAsync<string>(Row));
        for (int i = 0; i < 60; i++)
        {
            await page.Keyboard.PressAsync("ArrowDown");
        }

        Assert.Equal("62", await page.EvaluateAsync<string>(Row));
        await Assertions.Expect(page.Locator("[data-testid=exits-body] a:focus")).ToBeInViewportAsync();
        await page.Keyboard.PressAsync("ArrowUp");
        Assert.Equal("61", await page.EvaluateAsync<string>(Row));
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(driver.Test("pane-memory")).ToBeVisibleAsync();

        await TabToAsync(driver, "tab-breakpoints");
        await keys.PressAsync("Enter");
        await Assertions.Expect(driver.Test("point-kind")).ToBeVisibleAsync();
        await TabToAsync(driver, "point-kind");
        await keys.PressAsync("End");
        await Assertions.Expect(driver.Test("point-address")).ToHaveCountAsync(0);
        await keys.PressAsync("Home");
        await TabToAsync(driver, "point-address");
        await keys.TypeAsync("0x10");
        await keys.PressAsync("Enter");
        await Assertions.Expect(driver.Test("point-row")).ToHaveCountAsync(1);
        await TabToAsync(driver, "point-remove");
        await keys.PressAsync("Enter");
        await Assertions.Expect(driver.Test("points-none")).ToBeVisibleAsync();
        Assert.Empty(machine.PausePoints);

        await TabToAsync(driver, "delete");
        await keys.PressAsync("Enter");
        await Assertions.Expect(driver.Test("delete-confirm")).ToBeFocusedAsync();
        await keys.PressAsync("Escape");
        await Assertions.Expect(driver.Test("delete-confirm")).ToHaveCountAsync(0);
        Assert.Empty(driver.Complaints);
    }

    [Fact]
    public async Task A_program_is_written_and_run_with_keys_alone()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        AssemblerAvailability assembler = await dashboard.Application.Services.GetRequiredService<GnuAssembler>().CheckAsync();
        Assert.SkipUnless(assembler.IsAvailable, assembler.Text);
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator, Look.Light);
        _ = await driver.Page.GotoAsync(new Uri(dashboard.Address, "/editor").ToString());
        await Assertions.Expect(driver.Test("editor-run")).ToBeEnabledAsync();
        await TabToAsync(driver, "field-source");
        await driver.Page.Keyboard.PressAsync("Control+a");
        await driver.Page.Keyboard.TypeAsync("hlt");
        await TabToAsync(driver, "editor-assemble");
        await driver.Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(driver.Test("listing")).ToContainTextAsync("hlt");
        await TabToAsync(driver, "editor-run");
        await driver.Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(driver.Page).ToHaveURLAsync(new Regex("/machines/"));
        Assert.Equal(2, dashboard.Application.Services.GetRequiredService<MachineRegistry>().All.Count);
        Assert.Empty(driver.Complaints);
    }

    [Fact]
    public async Task Every_shortcut_in_the_list_does_what_the_list_says()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator, Look.Light);
        IPage page = driver.Page;
        await Assertions.Expect(driver.Test("site-row").Nth(3)).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("?");
        ILocator list = page.Locator("[data-hp-shortcuts-list] div");
        await Assertions.Expect(list.First).ToBeVisibleAsync();
        string[] keys = await page.Locator("[data-hp-shortcuts-list] kbd").EvaluateAllAsync<string[]>("all => all.map(one => one.textContent)");
        await page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(list.First).ToBeHiddenAsync();
        Assert.Superset(new HashSet<string>(["?", "Space", "s", "a", "i", "t", "m", "n", "e", "h", "p", .. MachinePane.All.Select(pane => pane.Key)]), keys.ToHashSet());

        foreach (MachinePane pane in MachinePane.All)
        {
            await page.Keyboard.PressAsync(pane.Key);
            await Assertions.Expect(driver.Test($"pane-{pane.Id}")).ToBeVisibleAsync();

            // A key that two things have would do what the list does not say.
            string[] twice = await page.EvaluateAsync<string[]>("""
                () => Object.entries(Object.groupBy([...document.querySelectorAll('[data-hp-key]')].filter(one => one.checkVisibility()), one => one.dataset.hpKey))
                  .filter(([, all]) => all.length > 1).map(([key, all]) => `${key}: ${all.map(one => one.dataset.hpKeyLabel).join(', ')}`)
                """);
            Assert.Empty(twice);
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
        foreach ((string key, string address) in new[] { ("n", "/new$"), ("e", "/editor$"), ("h", "/host$"), ("m", "/$") })
        {
            await page.Keyboard.PressAsync(key);
            await Assertions.Expect(page).ToHaveURLAsync(new Regex(address));
        }

        Assert.Empty(driver.Complaints);
    }

    [Fact]
    public async Task A_heading_takes_the_focus_of_a_page_that_one_went_to_and_not_what_one_has_already_gone_to()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator, Look.Light);
        IPage page = driver.Page;

        // Nobody is as fast: the link has the focus at the moment when the page is there, before anything is called in it.
        await page.AddInitScriptAsync("""
            new MutationObserver((_, observer) => {
              const link = document.querySelector('h1') && document.querySelector('.hp-nav a[href="host"]');
              if (!link) return;
              observer.disconnect();
              link.focus();
            }).observe(document, { childList: true, subtree: true });
            """);
        _ = await page.GotoAsync(new Uri(dashboard.Address, "/new").ToString());
        ILocator link = page.Locator(".hp-nav a[href=host]");
        await Assertions.Expect(link).ToBeFocusedAsync();
        await Task.Delay(1500, TestContext.Current.CancellationToken);
        await Assertions.Expect(link).ToBeFocusedAsync();

        // Where one goes from there, the heading tells.
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page).ToHaveURLAsync(new Regex("/host$"));
        await Assertions.Expect(page.Locator("h1")).ToBeFocusedAsync();
        Assert.Empty(driver.Complaints);
    }

    [Fact]
    public async Task A_letter_typed_into_a_field_is_a_letter()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator, Look.Light);
        _ = await driver.Page.GotoAsync(new Uri(dashboard.Address, $"/machines/{machine.Id}?pane=serial").ToString());
        await driver.Test("serial-input").FocusAsync();
        await driver.Page.Keyboard.TypeAsync("a 2s?");
        await Assertions.Expect(driver.Test("serial-input")).ToHaveValueAsync("a 2s?");
        Assert.Equal("intel", machine.Vendor.Id);
        Assert.Equal(MachineState.Running, machine.State);
        Assert.Empty(driver.Complaints);
    }

    // The things to use of a page that has come up: one by one they appear in the first moments.
    private static async Task<string[]> SettledStopsAsync(IPage page)
    {
        string[] stops = await page.EvaluateAsync<string[]>(Mark);
        await Patience.UntilAsync("the page has come up", async () =>
        {
            string[] before = stops;
            await Task.Delay(300, TestContext.Current.CancellationToken);
            stops = await page.EvaluateAsync<string[]>(Mark);
            return stops.AsSpan().SequenceEqual(before);
        });
        return stops;
    }

    // The way that a person goes: on, until it is there.
    private static async Task TabToAsync(Visitor driver, string id)
    {
        await Assertions.Expect(driver.Test(id).First).ToBeVisibleAsync();
        for (int i = 0; i < MostStops; i++)
        {
            await driver.Page.Keyboard.PressAsync("Tab");
            if (await driver.Page.EvaluateAsync<string?>("() => document.activeElement?.dataset.testid ?? null") == id)
            {
                return;
            }
        }

        Assert.Fail($"Tab does not reach {id}");
    }
}
