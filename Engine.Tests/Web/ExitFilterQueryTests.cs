using Hyperpatch.Engine.Exits;
using Hyperpatch.Web.Machines;

namespace Hyperpatch.Engine.Tests.Web;

public sealed class ExitFilterQueryTests
{
    [Fact]
    public void What_is_written_is_read_again()
    {
        ExitFilter filter = new() { Reason = ExitReason.PortIo, Processor = 3, RipFrom = 0x1000, RipTo = ulong.MaxValue, Port = 0x3F8, Hypercall = 12 };
        var written = ExitFilterQuery.Write(filter).ToDictionary();
        Dictionary<string, string[]> errors = [];
        Assert.Equal(filter, ExitFilterQuery.Parse(written.GetValueOrDefault, 4, errors));
        Assert.Empty(errors);
        Assert.All(ExitFilterQuery.Write(default), pair => Assert.Null(pair.Value));
    }

    [Theory]
    [InlineData("ripFrom", "ffff", 0xFFFFul)]
    [InlineData("ripFrom", " 0XFFFF ", 0xFFFFul)]
    [InlineData("port", "1016", 1016ul)]
    [InlineData("port", "0x3f8", 0x3F8ul)]
    [InlineData("hypercall", "11", 11ul)]
    public void Numbers_are_written_as_people_write_them(string name, string text, ulong value)
    {
        Dictionary<string, string[]> errors = [];
        ExitFilter filter = ExitFilterQuery.Parse(asked => asked == name ? text : null, 1, errors);
        Assert.Equal(value, filter.RipFrom ?? filter.Port ?? filter.Hypercall);
        Assert.Empty(errors);
    }

    [Theory]
    [InlineData("reason", "5")]
    [InlineData("reason", "none")]
    [InlineData("processor", "2")]
    [InlineData("processor", "-1")]
    [InlineData("ripFrom", "0x")]
    [InlineData("ripFrom", "10000000000000000")]
    [InlineData("ripTo", "here")]
    [InlineData("port", "65536")]
    [InlineData("port", "3F8")]
    [InlineData("hypercall", "1.5")]
    public void What_is_no_value_is_named_and_left_out(string name, string text)
    {
        Dictionary<string, string[]> errors = [];
        ExitFilter filter = ExitFilterQuery.Parse(asked => asked == name ? text : null, 2, errors);
        Assert.True(filter.IsEmpty);
        Assert.Contains($"\"{text}\"", Assert.Single(Assert.Single(errors, error => error.Key == name).Value), StringComparison.Ordinal);
    }

    [Fact]
    public void A_range_that_ends_before_it_begins_is_none()
    {
        Dictionary<string, string[]> errors = [];
        ExitFilter filter = ExitFilterQuery.Parse(name => name switch { "ripFrom" => "2000", "ripTo" => "1000", _ => null }, 1, errors);
        Assert.Equal((0x2000ul, null), (filter.RipFrom, filter.RipTo));
        Assert.Equal(["ripTo"], errors.Keys);
    }
}
