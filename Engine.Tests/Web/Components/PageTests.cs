using Bunit;
using Bunit.TestDoubles;
using Hyperpatch.Web.Components.Pages;
using Hyperpatch.Web.Components.Shared;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Assembling;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.HostKvm;
using Hyperpatch.Web.Machines.Views;
using Microsoft.Extensions.DependencyInjection;

namespace Hyperpatch.Engine.Tests.Web.Components;

/// <summary>Pages on the dashboard's real services, on a host that offers no accelerator.</summary>
public sealed class PageTests : BunitContext, IAsyncLifetime
{
    private Dashboard? _dashboard;

    public async ValueTask InitializeAsync()
    {
        _dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        Services.AddSingleton(_dashboard.Application.Services.GetRequiredService<MachineCommands>());
        Services.AddSingleton(_dashboard.Application.Services.GetRequiredService<MachineRegistry>());
        Services.AddSingleton(_dashboard.Application.Services.GetRequiredService<AcceleratorSet>());
        Services.AddSingleton(_dashboard.Application.Services.GetRequiredService<DemoMachine>());
        Services.AddSingleton(_dashboard.Application.Services.GetRequiredService<KvmHostMonitor>());
        Services.AddSingleton(_dashboard.Application.Services.GetRequiredService<GnuAssembler>());
        JSInterop.Mode = JSRuntimeMode.Loose;
    }

    public new async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _dashboard!.DisposeAsync();
    }

    [Fact]
    public void The_host_page_says_why_an_accelerator_is_missing()
    {
        LogIn("viewer");

        IRenderedComponent<HostPage> page = Render<HostPage>();

        page.WaitForAssertion(() => Assert.Contains("add yourself to the group kvm", page.Find("[data-testid=accelerator-kvm]").TextContent, StringComparison.Ordinal));
        Assert.NotEmpty(page.FindAll("[data-testid=no-accelerator]"));
    }

    [Theory]
    [InlineData("processors", "65")]
    [InlineData("processors", "many")]
    [InlineData("memoryMiB", "0")]
    [InlineData("commandLine", "nonsense=1")]
    public void What_cannot_be_used_is_said_beside_its_field(string field, string value)
    {
        LogIn("operator");
        IRenderedComponent<NewMachinePage> page = Render<NewMachinePage>();

        page.Find($"[data-testid=field-{field}]").Change(value);
        page.Find("form").Submit();

        page.WaitForAssertion(() => Assert.NotEmpty(page.Find($"[data-testid=error-{field}]").TextContent));
        page.WaitForAssertion(() => JSInterop.VerifyFocusAsyncInvoke());
        Assert.Equal("true", page.Find($"[data-testid=field-{field}]").GetAttribute("aria-invalid"));
        Assert.Single(page.FindAll(".hp-field-error:not([hidden])"));
    }

    [Fact]
    public void A_host_that_offers_nothing_is_no_fault_of_a_field()
    {
        LogIn("operator");
        IRenderedComponent<NewMachinePage> page = Render<NewMachinePage>();

        page.Find("form").Submit();

        page.WaitForAssertion(() => Assert.Contains("group kvm", page.Find("[data-testid=form-error]").TextContent, StringComparison.Ordinal));
    }

    [Fact]
    public void A_viewer_cannot_make_a_machine_and_reads_why()
    {
        LogIn("viewer");

        IRenderedComponent<NewMachinePage> page = Render<NewMachinePage>();

        Assert.True(page.Find("[data-testid=create]").HasAttribute("disabled"));
        Assert.Equal(Permissions.ViewersWatch, page.Find("[data-testid=viewer-note]").TextContent);
    }

    [Fact]
    public void A_viewers_form_is_refused_before_anything_in_it_is_looked_at()
    {
        LogIn("viewer");
        IRenderedComponent<NewMachinePage> page = Render<NewMachinePage>();
        page.Find($"[data-testid=guest-{GuestViews.Image.Name}]").Change("on");

        page.Find("form").Submit();

        page.WaitForAssertion(() => Assert.Equal(Permissions.ViewersWatch, page.Find("[data-testid=form-error]").TextContent));
        Assert.Equal("", page.Find("[data-testid=error-image]").TextContent.Trim());
    }

    [Fact]
    public void The_home_page_says_that_no_machine_can_run_here()
    {
        LogIn("operator");

        IRenderedComponent<MachinesPage> page = Render<MachinesPage>();

        Assert.Contains("group kvm", page.Find("[data-testid=no-accelerator]").TextContent, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_machine_is_called_so()
    {
        LogIn("viewer");

        IRenderedComponent<MachinePage> page = Render<MachinePage>(with => with.Add(p => p.Id, "m99"));

        Assert.Equal("No such machine", page.Find("h1").TextContent);
    }

    [Fact]
    public void A_comparison_names_what_is_no_machine_and_says_what_it_takes()
    {
        LogIn("operator");
        Services.GetRequiredService<Microsoft.AspNetCore.Components.NavigationManager>().NavigateTo("compare?left=m98&right=%3Cb%3E&range=2m");

        IRenderedComponent<ComparePage> page = Render<ComparePage>();

        Assert.Contains("There is no machine \"m98\"", page.Find("[data-testid=compare-unknown-left]").TextContent, StringComparison.Ordinal);
        Assert.Contains("There is no machine \"<b>\"", page.Find("[data-testid=compare-unknown-right]").TextContent, StringComparison.Ordinal);
        Assert.Contains("1m, 5m, 15m, 1h, not \"2m\"", page.Find("[data-testid=compare-range-error]").TextContent, StringComparison.Ordinal);
        Assert.Contains("It takes two machines", page.Find("[data-testid=compare-few]").TextContent, StringComparison.Ordinal);
        Assert.Empty(page.FindAll("[data-testid=compare-rates]"));
    }

    [Fact]
    public async Task The_editor_says_how_the_assembler_is_confined()
    {
        LogIn("operator");
        AssemblerAvailability answer = await Services.GetRequiredService<GnuAssembler>().CheckAsync();
        Assert.SkipUnless(answer.IsAvailable, answer.Text);

        IRenderedComponent<EditorPage> page = Render<EditorPage>();

        Assert.Contains("namespaces of its own", answer.Confinement, StringComparison.Ordinal);
        page.WaitForAssertion(() => Assert.Equal(answer.Confinement, page.Find("[data-testid=confinement]").TextContent));
    }

    [Fact]
    public void Another_example_loses_nothing_that_was_typed()
    {
        LogIn("operator");
        IRenderedComponent<EditorPage> page = Render<EditorPage>();
        string Source() => page.Find("[data-testid=field-source]").GetAttribute("value") ?? "";
        page.Find("[data-testid=field-source]").Input("nop # mine");
        page.Find("[data-testid=field-syntax]").Change("att");

        page.Find("[data-testid=field-example]").Change("race");
        page.WaitForAssertion(() => Assert.Equal(EditorExample.Find("race")!.Source, Source()));
        page.Find("[data-testid=bring-back]").Click();

        // Not at once where the page is just being told which assembler there is.
        page.WaitForAssertion(() => Assert.Equal("nop # mine", Source()));
        Assert.Equal("att", page.Find("[data-testid=field-syntax]").GetAttribute("value"));
        Assert.Empty(page.FindAll("[data-testid=bring-back]"));
        page.Find("[data-testid=field-example]").Change("serial");
        page.WaitForAssertion(() => Assert.Equal(EditorExample.Find("serial")!.Source, Source()));
        page.Find("[data-testid=field-example]").Change("undefined");
        page.WaitForAssertion(() => Assert.Equal(EditorExample.Find("undefined")!.Source, Source()));
        page.Find("[data-testid=bring-back]").Click();
        page.WaitForAssertion(() => Assert.Equal("nop # mine", Source()));
    }

    private void LogIn(string role)
    {
        BunitAuthorizationContext session = this.AddAuthorization();
        session.SetAuthorized(role);
        session.SetRoles(role);
    }
}
