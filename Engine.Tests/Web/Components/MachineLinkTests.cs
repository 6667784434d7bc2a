using Hyperpatch.Web.Components.Machines;

namespace Hyperpatch.Engine.Tests.Web.Components;

public sealed class MachineLinkTests
{
    [Fact]
    public void The_first_pane_has_the_shortest_address() =>
        Assert.Equal("machines/m1", new MachineLink("m1") { Pane = MachinePane.Overview }.ToString());

    [Fact]
    public void What_is_chosen_is_in_the_address() =>
        Assert.Equal("machines/m1?pane=exits&reason=PortIo&vcpu=2", new MachineLink("m1") { Pane = "exits", Reason = "PortIo", Processor = 2 }.ToString());

    [Fact]
    public void An_exit_that_is_told_is_in_the_address() =>
        Assert.Equal("machines/m1?pane=story&event=42&present=1", new MachineLink("m1") { Pane = MachinePane.Story, Event = 42, IsPresenter = true }.ToString());

    [Theory]
    [InlineData("sites", "sites")]
    [InlineData("SITES", "sites")]
    [InlineData("nonsense", null)]
    [InlineData(null, null)]
    public void An_address_finds_its_pane(string? text, string? pane) => Assert.Equal(pane, MachinePane.Find(text)?.Id);
}
