using Bunit;
using Bunit.TestDoubles;
using Hyperpatch.Web.Components.Pages;
using Hyperpatch.Web.Components.Shared;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.HostKvm;
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

    private void LogIn(string role)
    {
        BunitAuthorizationContext session = this.AddAuthorization();
        session.SetAuthorized(role);
        session.SetRoles(role);
    }
}
