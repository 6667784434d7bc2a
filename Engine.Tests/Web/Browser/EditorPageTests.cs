using Hyperpatch.Engine.Tests.Web.Export;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Assembling;
using Hyperpatch.Web.Security;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>A program is written in the page, its mistakes are shown at their lines, and it runs.</summary>
/// <param name="fixture">The browser.</param>
public sealed class EditorPageTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    [Fact]
    public async Task A_mistake_is_shown_at_its_line_and_the_mended_program_runs()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        AssemblerAvailability answer = await dashboard.Application.Services.GetRequiredService<GnuAssembler>().CheckAsync();
        Assert.SkipUnless(answer.IsAvailable, answer.Text);
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator);
        await driver.Page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = "Editor" }).ClickAsync();
        await Assertions.Expect(driver.Test("assembler")).ToContainTextAsync("GNU assembler");
        await driver.Test("field-example").SelectOptionAsync("race");
        await Assertions.Expect(driver.Test("field-processors")).ToHaveValueAsync("2");
        Assert.Contains("example=race", driver.Page.Url, StringComparison.Ordinal);

        await driver.Test("field-source").FillAsync("nop\nmov eax, 1\nvmcal\nhlt\n");
        await driver.Test("editor-run").ClickAsync();
        await Assertions.Expect(driver.Test("note-3")).ToContainTextAsync("no such instruction");
        await Assertions.Expect(driver.Test("error-source")).ToContainTextAsync("Line 3");
        await Assertions.Expect(driver.Test("field-source")).ToBeFocusedAsync();

        await driver.Test("field-source").FillAsync("mov eax, 1\nvmmcall\nhlt\n");
        await driver.Test("field-processors").FillAsync("1");
        await driver.Test("editor-assemble").ClickAsync();
        await Assertions.Expect(driver.Test("listing")).ToContainTextAsync("0F 01 D9");
        await driver.Test("export-listing").Locator("summary").ClickAsync();
        IDownload file = await driver.Page.RunAndWaitForDownloadAsync(() => driver.Test("export-listing").GetByTestId("as-csv").ClickAsync());
        Assert.Matches(@"^hyperpatch-listing-\d{8}-\d{6}\.csv$", file.SuggestedFilename);
        List<string[]> rows = CsvReader.Read(await File.ReadAllTextAsync(await file.PathAsync(), TestContext.Current.CancellationToken));
        Assert.Equal(["address", "bytes", "instruction"], rows[0]);
        Assert.Equal(["vmmcall", "hlt"], rows.Skip(2).Take(2).Select(row => row[2]));
        await Assertions.Expect(driver.Test("export-listing").GetByTestId("as-csv")).ToBeHiddenAsync();
        await driver.Test("editor-run").ClickAsync();
        await Assertions.Expect(driver.Test("machine-state")).ToContainTextAsync("stopped");
        await Assertions.Expect(driver.Test("pane-exits")).ToContainTextAsync("InvalidOpcode");
        ManagedMachine made = dashboard.Machine;
        Assert.Equal(0, made.Machine.Exit?.Code);
        Assert.Equal("C1", Assert.Single(made.Sites()).Bytes[^2..]);
        Assert.Empty(driver.Complaints);
    }

    [Fact]
    public async Task The_longest_source_in_any_script_does_not_break_the_connection()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        AssemblerAvailability answer = await dashboard.Application.Services.GetRequiredService<GnuAssembler>().CheckAsync();
        Assert.SkipUnless(answer.IsAvailable, answer.Text);
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator);
        _ = await driver.Page.GotoAsync(new Uri(dashboard.Address, "/editor").ToString());
        await Assertions.Expect(driver.Test("assembler")).ToContainTextAsync("GNU assembler");
        const string Code = "int3\nhlt #";
        await driver.Test("field-source").FillAsync(Code + new string('\u6F22', GnuAssembler.MaximumSource - Code.Length));
        await driver.Test("editor-assemble").ClickAsync();
        await Assertions.Expect(driver.Test("listing")).ToContainTextAsync("int3");
        Assert.Empty(driver.Complaints);
    }

    [Fact]
    public async Task Without_an_assembler_or_as_a_viewer_the_button_says_why_not()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true, configure: services => services.AddSingleton(_ => new GnuAssembler("")));
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator);
        _ = await driver.Page.GotoAsync(new Uri(dashboard.Address, "/editor").ToString());
        await Assertions.Expect(driver.Test("no-assembler")).ToContainTextAsync("Install the package binutils");
        await Assertions.Expect(driver.Test("editor-run")).ToBeDisabledAsync();
        await using Visitor viewer = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        _ = await viewer.Page.GotoAsync(new Uri(dashboard.Address, "/editor").ToString());
        await Assertions.Expect(viewer.Test("viewer-note")).ToBeVisibleAsync();
        await Assertions.Expect(viewer.Test("editor-run")).ToBeDisabledAsync();
        Assert.Empty(driver.Complaints);
    }
}
