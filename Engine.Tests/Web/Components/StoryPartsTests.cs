using Bunit;
using Hyperpatch.Web.Components.Machines;
using Hyperpatch.Web.Components.Machines.Panes;
using Hyperpatch.Web.Machines.Stepping;
using Hyperpatch.Web.Machines.Stories;

namespace Hyperpatch.Engine.Tests.Web.Components;

/// <summary>The parts that a story and a step are shown with.</summary>
public sealed class StoryPartsTests : BunitContext
{
    [Fact]
    public void A_step_shows_bytes_before_and_after_and_its_figures()
    {
        StoryStep step = new("action", "One byte", "Why.", [new StoryFact("Policy", "force", "Meaning")]) { Bytes = "0F 01 D9", After = "0F 01 C1" };

        IRenderedComponent<StoryLine> line = Render<StoryLine>(with => with.Add(p => p.Step, step));

        Assert.Equal(["0F 01 D9", "0F 01 C1"], line.FindAll(".hp-bytes").Select(bytes => bytes.GetAttribute("aria-label")));
        Assert.Equal("amd", line.FindAll(".hp-byte-patch")[0].GetAttribute("data-vendor"));
        Assert.Equal("force", line.Find("dd").TextContent);
        Assert.DoesNotContain("still to come", line.Find("h3").TextContent, StringComparison.Ordinal);
    }

    [Fact]
    public void Bits_are_named_and_those_that_a_step_changed_are_marked()
    {
        IRenderedComponent<BitNames> bits = Render<BitNames>(with => with.Add(p => p.Register, "RFLAGS").Add(p => p.Value, 0x202UL).Add(p => p.Before, 0x242UL));

        Assert.Equal(["ZF=0", "IF"], bits.FindAll("abbr").Select(bit => bit.TextContent.Trim()));
        Assert.Equal("ZF=0", bits.Find(".hp-bit-changed").TextContent.Trim());
        Assert.Contains("RFLAGS bit 9", bits.FindAll("abbr")[1].GetAttribute("title"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_latest_step_is_shown_with_its_changes_and_those_before_in_a_line_each()
    {
        StepView[] steps =
        [
            new(1, 0, "0x1000", "90", "nop", [new RegisterChange("RIP", "1000", "1001", [], [])]),
            new(2, 0, "0x1001", "31 C0", "xor eax, eax", [new RegisterChange("RFLAGS", "202", "246", ["ZF", "PF"], [])]),
            new(2, 1, "0x5000", "F4", "hlt", []),
        ];

        IRenderedComponent<StepsCard> card = Render<StepsCard>(with => with.Add(p => p.Steps, steps).Add(p => p.IsPaused, true));

        Assert.Contains("xor eax, eax", Assert.Single(card.FindAll("[data-testid=step-latest]")).TextContent, StringComparison.Ordinal);
        Assert.Equal(["ZF 0→1", "PF 0→1"], card.FindAll("[data-register=RFLAGS] abbr").Select(bit => bit.TextContent.Trim()));
        Assert.Contains("nop", card.Find(".hp-steps-earlier").TextContent, StringComparison.Ordinal);
    }

    [Fact]
    public void A_processor_that_did_not_move_says_so()
    {
        IRenderedComponent<StepsCard> card = Render<StepsCard>(with => with.Add(p => p.Steps, [new StepView(1, 0, "0x1", "F4", "hlt", [])]).Add(p => p.IsPaused, true));

        Assert.Contains("No register changed", card.Markup, StringComparison.Ordinal);
    }
}
