using Bunit;
using Hyperpatch.Web.Components.Machines;
using Hyperpatch.Web.Components.Shared;

namespace Hyperpatch.Engine.Tests.Web.Components;

public sealed class MachineControlsTests : BunitContext
{
    [Theory]
    [InlineData("created", true, true)]
    [InlineData("paused", true, true)]
    [InlineData("stopped", false, false)]
    [InlineData("failed", false, false)]
    public void Run_and_step_fit_the_state(string state, bool run, bool step)
    {
        IRenderedComponent<MachineControls> controls = Show(state, mayChange: true);

        Assert.Equal(run, !controls.Find("[data-testid=run]").HasAttribute("disabled"));
        Assert.Equal(step, !controls.Find("[data-testid=step]").HasAttribute("disabled"));
        Assert.Empty(controls.FindAll("[data-testid=pause]"));
        Assert.False(controls.Find("[data-testid=reset]").HasAttribute("disabled"));
    }

    [Fact]
    public void A_running_machine_is_paused_and_not_stepped()
    {
        IRenderedComponent<MachineControls> controls = Show("running", mayChange: true);

        Assert.False(controls.Find("[data-testid=pause]").HasAttribute("disabled"));
        Assert.True(controls.Find("[data-testid=step]").HasAttribute("disabled"));
    }

    [Fact]
    public void A_viewer_sees_them_all_off_and_why()
    {
        IRenderedComponent<MachineControls> controls = Show("running", mayChange: false);

        Assert.All(controls.FindAll("button"), button =>
        {
            Assert.True(button.HasAttribute("disabled"));
            Assert.Equal(Permissions.ViewersWatch, button.GetAttribute("title"));
        });
    }

    [Fact]
    public void Delete_asks_once_more()
    {
        JSInterop.Mode = JSRuntimeMode.Loose;
        int deleted = 0;
        IRenderedComponent<MachineControls> controls = Render<MachineControls>(with => with
            .Add(c => c.Facts, Facts("paused")).Add(c => c.MayChange, true).Add(c => c.OnDelete, () => deleted++));

        controls.Find("[data-testid=delete]").Click();
        Assert.Equal(0, deleted);
        controls.Find("[data-testid=delete-confirm]").Click();

        Assert.Equal(1, deleted);
    }

    private static MachineFacts Facts(string state) => new(state, "intel", "force", "trap", 0, null, null, null);

    private IRenderedComponent<MachineControls> Show(string state, bool mayChange) =>
        Render<MachineControls>(with => with.Add(c => c.Facts, Facts(state)).Add(c => c.MayChange, mayChange));
}
