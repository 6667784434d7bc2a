using System.Text.RegularExpressions;
using Hyperpatch.Web.Components.Machines;

namespace Hyperpatch.Engine.Tests.Web.Texts;

/// <summary>Kinds of timeline entries have a text each, and each text has a kind.</summary>
public sealed partial class TimelineKindTests
{
    [Fact]
    public void Every_kind_that_the_engine_makes_has_a_text()
    {
        string[] kinds =
        [
            .. Directory.EnumerateFiles(Path.Combine(TextSources.Root, "Engine", "Machine"), "*.cs", SearchOption.AllDirectories)
                .SelectMany(file => Call().Matches(File.ReadAllText(file)))
                .SelectMany(call => call.Groups["kind"].Captures.Select(capture => capture.Value))
                .Distinct().Order(StringComparer.Ordinal),
        ];
        Assert.Equal(TimelineKinds.All.Select(known => known.Kind).Order(StringComparer.Ordinal), kinds);
    }

    [Fact]
    public void A_kind_without_a_text_stands_for_itself() => Assert.Equal("unheard-of", TimelineKinds.Describe("unheard-of"));

    // Timeline.Add("kind", or Timeline.Add(condition ? "kind" : "kind",
    [GeneratedRegex("Timeline\\.Add\\((?:[^\",?]*\\? )?\"(?<kind>\\w+)\"(?: : \"(?<kind>\\w+)\")?,")]
    private static partial Regex Call();
}
