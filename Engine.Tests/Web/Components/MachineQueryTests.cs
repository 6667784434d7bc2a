using Hyperpatch.Web.Components.Machines;

namespace Hyperpatch.Engine.Tests.Web.Components;

public sealed class MachineQueryTests
{
    [Fact]
    public void Words_are_understood_without_regard_to_case_and_spelt_right()
    {
        MachineQuery query = MachineQuery.Parse("Exits", "portio", " 1", "7", null, null, processors: 2);

        Assert.Equal(("exits", "PortIo", 1, 7), (query.Pane.Id, query.Reason, query.Processor, query.Site));
        Assert.Empty(query.Unknown);
    }

    [Fact]
    public void Nothing_asked_for_is_nothing_unknown()
    {
        MachineQuery query = MachineQuery.Parse(null, "", null, " ", null, null, processors: 1);

        Assert.Equal(MachinePane.Overview, query.Pane.Id);
        Assert.Equal(((string?)null, (int?)null, (int?)null), (query.Reason, query.Processor, query.Site));
        Assert.Empty(query.Unknown);
    }

    [Theory]
    [InlineData("sitez", null, null, null, "pane \"sitez\"")]
    [InlineData(null, "nonsense", null, null, "reason \"nonsense\"")]
    [InlineData(null, "5", null, null, "reason \"5\"")]
    [InlineData(null, "None", null, null, "reason \"None\"")]
    [InlineData(null, "PortIo, Mmio", null, null, "reason \"PortIo, Mmio\"")]
    [InlineData(null, null, "abc", null, "vCPU \"abc\"")]
    [InlineData(null, null, "2", null, "vCPU \"2\"")]
    [InlineData(null, null, "-1", null, "vCPU \"-1\"")]
    [InlineData(null, null, null, "0x10", "site \"0x10\"")]
    [InlineData(null, null, null, "99999999999", "site \"99999999999\"")]
    public void What_is_not_understood_is_left_out_and_named(string? pane, string? reason, string? processor, string? site, string unknown)
    {
        MachineQuery query = MachineQuery.Parse(pane, reason, processor, site, null, null, processors: 2);

        Assert.Equal(MachinePane.Overview, query.Pane.Id);
        Assert.Equal(((string?)null, (int?)null, (int?)null), (query.Reason, query.Processor, query.Site));
        Assert.Equal([unknown], query.Unknown);
    }

    [Theory]
    [InlineData("7", "1", 7, true, 0)]
    [InlineData(null, "0", null, false, 0)]
    [InlineData("-7", null, null, false, 1)]
    [InlineData("x", "yes", null, false, 2)]
    public void An_exit_to_tell_and_a_projector_can_be_asked_for(string? story, string? present, int? number, bool isPresenter, int unknown)
    {
        MachineQuery query = MachineQuery.Parse(null, null, null, null, null, null, 1, story, present);

        Assert.Equal((number, isPresenter, unknown), (query.Event, query.IsPresenter, query.Unknown.Count));
    }

    [Fact]
    public void What_is_shown_of_it_has_a_bound() =>
        Assert.All(MachineQuery.Parse(null, new string('x', 5000), null, null, null, null, processors: 1).Unknown, text => Assert.True(text.Length < 100));
}
