using System.Text.RegularExpressions;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Web.Security;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>The dashboard on a telephone, with other colours and without motion.</summary>
/// <param name="fixture">The browser.</param>
public sealed class ReachTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    // CSS pixels across of the telephones that most people have.
    private const int Phone = 390;
    [Fact]
    public async Task Colours_are_the_systems_until_somebody_chooses()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer, Look.Light);
        IPage page = visitor.Page;
        await ShownAsync(page, "light", contrast: false);
        await page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = ColorScheme.Dark });
        await ShownAsync(page, "dark", contrast: false);
        await page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = ColorScheme.Dark, Contrast = Contrast.More });
        await ShownAsync(page, "dark", contrast: true);
        await ChooseAsync(visitor, "light");
        await ShownAsync(page, "light", contrast: false);
        await page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = ColorScheme.Light, Contrast = Contrast.NoPreference });
        await ChooseAsync(visitor, "contrast");
        await ShownAsync(page, "light", contrast: true);

        // Another page of the same browser has it, too, and a reload keeps it.
        _ = await page.ReloadAsync();
        await ShownAsync(page, "light", contrast: true);
        await Assertions.Expect(visitor.Test("theme")).ToBeVisibleAsync();
        // Blazor takes the focus to the heading once the page is its own: not before.
        await Assertions.Expect(page.Locator("h1")).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("t");
        await Assertions.Expect(visitor.Test("theme-contrast")).ToBeCheckedAsync();
        await Assertions.Expect(visitor.Test("theme-contrast")).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("ArrowUp");
        await ShownAsync(page, "dark", contrast: false);
        await page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(visitor.Test("theme-contrast")).ToBeHiddenAsync();
        await ChooseAsync(visitor, "system");
        await ShownAsync(page, "light", contrast: false);
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task With_forced_colours_the_marked_byte_and_the_vendor_still_differ_from_the_others()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator, Look.Light, options => options.ForcedColors = ForcedColors.Active);
        await Assertions.Expect(visitor.Test("site-row").Nth(3)).ToBeVisibleAsync();
        const string Borders = "all => all.map(one => getComputedStyle(one)).map(style => `${style.borderTopWidth} ${style.borderTopColor}`)";
        string[] bytes = await visitor.Test("site-bytes").First.Locator(".hp-byte").EvaluateAllAsync<string[]>(Borders);
        Assert.NotEqual(bytes[0], bytes[^1]);
        string[] vendors = await visitor.Page.Locator(".hp-vendor").EvaluateAllAsync<string[]>(Borders);
        Assert.NotEqual(vendors[0], vendors[1]);
        await Pictures.SaveAsync(visitor.Page, "machine-forced-colours");
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task Nothing_moves_for_who_wants_things_to_stand_still()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator, Look.Light);
        await Assertions.Expect(visitor.Test("site-row").Nth(3)).ToBeVisibleAsync();

        // Every animation there ever is, from the switch on: a row's flash, a byte that turns, a state that pulses, transitions.
        await visitor.Page.EvaluateAsync("""
            () => {
              globalThis.seen = new Set();
              const look = () => {
                for (const one of document.getAnimations()) seen.add(one.animationName ?? one.transitionProperty ?? 'script');
                requestAnimationFrame(look);
              };
              look();
            }
            """);
        foreach ((ReducedMotion motion, string vendor, string opcode) in new[] { (ReducedMotion.NoPreference, "amd", "D9"), (ReducedMotion.Reduce, "intel", "C1") })
        {
            await visitor.Page.EmulateMediaAsync(new PageEmulateMediaOptions { ReducedMotion = motion });
            if (motion == ReducedMotion.Reduce)
            {
                _ = await visitor.Page.WaitForFunctionAsync("() => document.getAnimations().length === 0");
            }

            await visitor.Page.EvaluateAsync("() => seen.clear()");
            await visitor.Test($"vendor-{vendor}").ClickAsync();
            await Assertions.Expect(visitor.Test("site-bytes").First).ToContainTextAsync(opcode);
            await Assertions.Expect(visitor.Test("patch-line")).ToHaveTextAsync(new Regex($@"became [0-9A-F ]*\b{opcode} \("));
            string[] seen = await visitor.Page.EvaluateAsync<string[]>("() => [...seen]");
            if (motion == ReducedMotion.Reduce)
            {
                Assert.Empty(seen);
            }
            else
            {
                Assert.Contains("script", seen);
                Assert.Contains("hp-pulse", seen);
            }
        }

        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task No_page_is_wider_than_a_telephone()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator, Look.Dark, options =>
        {
            options.ViewportSize = new ViewportSize { Width = Phone, Height = 844 };
            options.IsMobile = true;
            options.HasTouch = true;
        });
        await Assertions.Expect(visitor.Test("site-row").Nth(3)).ToBeVisibleAsync();
        await visitor.Test("vendor-amd").TapAsync();
        await Assertions.Expect(visitor.Test("site-bytes").First).ToContainTextAsync("D9");
        List<string> wide = [];
        foreach ((string name, string path, string landmark) in DashboardPages.All(machine.Id))
        {
            _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, path).ToString());
            await Assertions.Expect(visitor.Test(landmark).First).ToBeVisibleAsync();

            if (name is "latency" or "hypercalls")
            {
                await Assertions.Expect(visitor.Test($"{name}-body").Locator("tr").First).ToBeVisibleAsync();
            }

            // Once more when data has come, and text with it.
            await Task.Delay(400, TestContext.Current.CancellationToken);
            await Pictures.SaveAsync(visitor.Page, $"phone-{name}", fullPage: true);
            string[] outside = await visitor.Page.EvaluateAsync<string[]>("""
                width => {
                  const root = document.scrollingElement;
                  if (root.scrollWidth <= width && innerWidth <= width) return [];
                  const out = [...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > width + 1 && !one.closest('.hp-scroll, .hp-tabs')).map(one => `${one.tagName}.${one.className}`);
                  return [`${root.scrollWidth} px`, ...out.slice(0, 8)];
                }
                """, Phone);
            if (outside.Length > 0)
            {
                wide.Add($"{name}: {string.Join(", ", outside)}");
            }
        }

        Assert.Empty(wide);
        Assert.Empty(visitor.Complaints);
    }

    private static async Task ChooseAsync(Visitor visitor, string theme)
    {
        await visitor.Test("theme").ClickAsync();
        await visitor.Test($"theme-{theme}").CheckAsync();
        await visitor.Page.Keyboard.PressAsync("Escape");
    }

    private static async Task ShownAsync(IPage page, string theme, bool contrast)
    {
        await Assertions.Expect(page.Locator(contrast ? "html[data-contrast]" : "html:not([data-contrast])")).ToHaveAttributeAsync("data-theme", theme);
        string background = (theme, contrast) switch
        {
            ("light", true) => "rgb(255, 255, 255)",
            ("dark", true) => "rgb(0, 0, 0)",
            ("light", false) => "rgb(243, 245, 248)",
            _ => "rgb(10, 13, 18)",
        };
        await Assertions.Expect(page.Locator("body")).ToHaveCSSAsync("background-color", background);
    }
}
