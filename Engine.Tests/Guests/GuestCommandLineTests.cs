using Hyperpatch.Engine.Guests;

namespace Hyperpatch.Engine.Tests.Guests;

public sealed class GuestCommandLineTests
{
    [Theory]
    [InlineData(null, 5, "a")]
    [InlineData("", 5, "a")]
    [InlineData("   ", 5, "a")]
    [InlineData("n=7", 7, "a")]
    [InlineData("N=1 MODE=B", 1, "b")]
    [InlineData("  mode=b \t n=10 ", 10, "b")]
    public void Words_are_taken(string? text, long number, string mode)
    {
        GuestCommandLine words = new("guest", text);
        Assert.Equal((number, mode), (words.Number("n", 5, 1, 10), words.Choice("mode", "a", "b")));
        words.Finish();
    }

    [Theory]
    [InlineData("n=0", "1 to 10")]
    [InlineData("n=11", "1 to 10")]
    [InlineData("n=-1", "n=-1")]
    [InlineData("n=+1", "n=+1")]
    [InlineData("n=0x5", "n=0x5")]
    [InlineData("n=1.5", "n=1.5")]
    [InlineData("n=99999999999999999999", "1 to 10")]
    [InlineData("n=x", "n=x")]
    [InlineData("mode=c", "a, b")]
    [InlineData("n", "'n'")]
    [InlineData("n=", "'n='")]
    [InlineData("=5", "'=5'")]
    [InlineData("n=1 n=2", "twice")]
    [InlineData("n=1 N=2", "twice")]
    [InlineData("other=1", "other=1")]
    public void Bad_words_are_refused_with_what_is_allowed(string text, string part)
    {
        GuestOptionException e = Assert.Throws<GuestOptionException>(() =>
        {
            GuestCommandLine words = new("guest", text);
            _ = words.Number("n", 5, 1, 10);
            _ = words.Choice("mode", "a", "b");
            words.Finish();
        });
        Assert.Contains(part, e.Message, StringComparison.Ordinal);
        Assert.StartsWith("guest: ", e.Message, StringComparison.Ordinal);
    }
}
