using Hyperpatch.Engine.Tests.Guests.Loading;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Security;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>Making a machine from the page: mistakes are shown beside their field and lose nothing.</summary>
/// <param name="fixture">The browser.</param>
public sealed class NewMachinePageTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    [Fact]
    public async Task A_mistake_is_shown_beside_its_field_and_the_corrected_form_makes_the_machine()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator);
        _ = await driver.Page.GotoAsync(new Uri(dashboard.Address, "/new").ToString());
        await driver.Test("field-name").FillAsync("of the test");
        await driver.Test("field-processors").FillAsync("65");
        await driver.Test("create").ClickAsync();
        await Assertions.Expect(driver.Test("error-processors")).ToContainTextAsync("64");
        await Assertions.Expect(driver.Test("field-processors")).ToBeFocusedAsync();
        await Assertions.Expect(driver.Test("field-name")).ToHaveValueAsync("of the test");
        await driver.Test("field-processors").FillAsync("2");
        await driver.Test("field-memoryMiB").FillAsync("1");
        await driver.Test("create").ClickAsync();
        await Assertions.Expect(driver.Test("error-memoryMiB")).ToBeVisibleAsync();
        await Assertions.Expect(driver.Test("field-memoryMiB")).ToBeFocusedAsync();
        await driver.Test("field-memoryMiB").FillAsync("16");
        await driver.Test("create").ClickAsync();
        await Assertions.Expect(driver.Test("machine-state")).ToContainTextAsync("running");
        ManagedMachine made = dashboard.Machine;
        Assert.Equal("of the test", made.Machine.Options.Name);
        Assert.Equal(2, made.Machine.Processors.Length);
        Assert.False(made.Machine.Options.Deterministic);
        Assert.Empty(driver.Complaints);
    }

    [Fact]
    public async Task A_deterministic_machine_is_refused_beside_the_checkbox_or_made_in_software()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync();
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator);
        _ = await driver.Page.GotoAsync(new Uri(dashboard.Address, "/new").ToString());
        await driver.Test("field-accelerator").SelectOptionAsync("kvm");
        await driver.Test("field-deterministic").CheckAsync();
        await driver.Test("create").ClickAsync();
        await Assertions.Expect(driver.Test("error-deterministic")).ToContainTextAsync("only the processor in software can");
        await Assertions.Expect(driver.Test("field-deterministic")).ToBeFocusedAsync();
        await driver.Test("field-accelerator").SelectOptionAsync("auto");
        await driver.Test("create").ClickAsync();
        await Assertions.Expect(driver.Test("deterministic")).ToBeVisibleAsync();
        ManagedMachine made = dashboard.Machine;
        Assert.True(made.Machine.Options.Deterministic);
        Assert.Equal("software", made.Machine.AcceleratorName);
        Assert.Empty(driver.Complaints);
    }

    [Fact]
    public async Task An_image_file_is_refused_beside_its_field_or_runs()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator);
        _ = await driver.Page.GotoAsync(new Uri(dashboard.Address, "/new").ToString());
        await driver.Test("guest-image").CheckAsync();
        await driver.Test("create").ClickAsync();
        await Assertions.Expect(driver.Test("error-image")).ToContainTextAsync("Choose an image file");
        await driver.Test("field-image").SetInputFilesAsync(new FilePayload
        {
            Name = "mine.bin", MimeType = "application/octet-stream", Buffer = ImageFiles.Code(64, 0, ImageFiles.CallAndExit),
        });
        await driver.Test("field-loadAddress").FillAsync("here");
        await driver.Test("create").ClickAsync();
        await Assertions.Expect(driver.Test("error-loadAddress")).ToContainTextAsync("hexadecimal");
        await Assertions.Expect(driver.Test("field-loadAddress")).ToBeFocusedAsync();
        await driver.Test("field-loadAddress").FillAsync("0x200000");
        await driver.Test("create").ClickAsync();
        await Assertions.Expect(driver.Test("machine-state")).ToContainTextAsync("stopped");
        ManagedMachine made = dashboard.Machine;
        Assert.Equal("mine.bin", made.Machine.GuestName);
        Assert.Equal(1, made.Machine.Exit?.Code);
        Assert.Empty(driver.Complaints);
    }
}
