using System.Globalization;
using System.Text;
using Hyperpatch.Web.Export;

namespace Hyperpatch.Engine.Tests.Web.Export;

/// <summary>Cells of a CSV file: quoted, and no text of a stranger's is a formula.</summary>
public sealed class CsvTextTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("plain", "plain")]
    [InlineData("0F 01 C1", "0F 01 C1")]
    [InlineData("a - b = c", "a - b = c")]
    [InlineData("a,b", "\"a,b\"")]
    [InlineData("a;b", "\"a;b\"")]
    [InlineData("say \"hi\"", "\"say \"\"hi\"\"\"")]
    [InlineData("two\r\nlines", "\"two\r\nlines\"")]
    [InlineData("two\nlines", "\"two\nlines\"")]
    [InlineData("a\tb", "\"a\tb\"")]
    // Formulas, by each of the characters that they begin with.
    [InlineData("=1+1", "\"'=1+1\"")]
    [InlineData("+1", "\"'+1\"")]
    [InlineData("-1", "\"'-1\"")]
    [InlineData("@SUM(A1)", "\"'@SUM(A1)\"")]
    [InlineData("\t=1", "\"'\t=1\"")]
    [InlineData("\r=1", "\"'\r=1\"")]
    [InlineData("\n=1", "\"'\n=1\"")]
    [InlineData("\tplain", "\"'\tplain\"")]
    [InlineData("  =1", "\"'  =1\"")]
    [InlineData("\u00A0=1", "\"'\u00A0=1\"")]
    [InlineData("\uFF1D1+1", "\"'\uFF1D1+1\"")]
    [InlineData("\uFF0B1", "\"'\uFF0B1\"")]
    [InlineData("\uFF0D1", "\"'\uFF0D1\"")]
    [InlineData("\uFF201", "\"'\uFF201\"")]
    [InlineData("=HYPERLINK(\"http://example.invalid\",\"x\")", "\"'=HYPERLINK(\"\"http://example.invalid\"\",\"\"x\"\")\"")]
    [InlineData("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\"")]
    // A cell cannot break out of its quotes into a formula of its own.
    [InlineData("x\",=1+1,\"", "\"x\"\",=1+1,\"\"\"")]
    // What a file of text has no place for.
    [InlineData("a\0b", "\"a\uFFFDb\"")]
    [InlineData("\u001B[2J", "\"\uFFFD[2J\"")]
    [InlineData("a\u007Fb", "\"a\uFFFDb\"")]
    [InlineData("\0=1", "\"\uFFFD=1\"")]
    public void A_text_is_one_cell_and_no_formula(string text, string cell)
    {
        Assert.Equal(cell, new StringBuilder().AppendText(text).ToString());
        Assert.Equal(cell, new StringBuilder().AppendCell(text).ToString());
    }

    public static TheoryData<object?, string> Values => new()
    {
        { null, "" },
        { -1000L, "-1000" },
        { 5, "5" },
        { 4_294_967_295u, "4294967295" },
        { -0.25, "-0.25" },
        { 1234.5, "1234.5" },
        { true, "true" },
        { new DateTimeOffset(2026, 1, 2, 3, 4, 5, 6, TimeSpan.FromHours(2)), "2026-01-02T01:04:05.0060000Z" },
        { new[] { "ZF", "PF" }, "ZF PF" },
        { Array.Empty<string>(), "" },
        { new[] { "=1", "a,b" }, "\"'=1 a,b\"" },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public void Numbers_stay_numbers_whatever_the_country(object? value, string cell)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo other = new("") { NumberFormat = { NumberDecimalSeparator = ",", NegativeSign = "\u2212", NumberGroupSeparator = "." } };
            CultureInfo.CurrentCulture = other;
            Assert.Equal(cell, new StringBuilder().AppendCell(value).ToString());
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Cells_have_commas_between_them() =>
        Assert.Equal("1,,\"a,b\",\"'-x\"", new StringBuilder().AppendCells([1, null, "a,b", "-x"]).ToString());
}
