using Hyperpatch.Web.Components.Machines;
using Hyperpatch.Web.Components.Shared;

namespace Hyperpatch.Engine.Tests.Web.Components;

public sealed class ExportLinkTests
{
    [Fact]
    public void Filters_without_a_value_are_left_out() =>
        Assert.Equal("api/machines/m1/export?table=exits&port=0x3F8", ExportLink.To("m1", "exits", [new("reason", null), new("port", "0x3F8")]));

    [Fact]
    public void Machines_are_named_or_all()
    {
        Assert.Equal("api/machines/export", ExportLink.ToMachines());
        Assert.Equal("api/machines/export?id=m1&id=m2", ExportLink.ToMachines("m1", "m2"));
    }

    [Theory]
    [InlineData(null, null, null, "compare")]
    [InlineData("m1", null, null, "compare?left=m1")]
    [InlineData("m1", "m2", "1m", "compare?left=m1&right=m2")]
    [InlineData("m1", "m2", "1h", "compare?left=m1&right=m2&range=1h")]
    [InlineData(null, "a&b", null, "compare?right=a%26b")]
    public void A_comparison_is_in_its_address(string? left, string? right, string? range, string address) =>
        Assert.Equal(address, CompareLink.To(left, right, ChartRange.Find(range)));
}
