using AngleSharp.Dom;
using Bunit;
using Hyperpatch.Web.Components.Machines;

namespace Hyperpatch.Engine.Tests.Web.Components;

public sealed class VendorButtonsTests : BunitContext
{
    [Theory]
    [InlineData("intel", "amd")]
    [InlineData("amd", "intel")]
    public void The_vendor_that_the_guest_sees_is_the_pressed_one(string vendor, string other)
    {
        IRenderedComponent<VendorButtons> buttons = Render<VendorButtons>(with => with.Add(b => b.Vendor, vendor));

        Assert.Equal("true", Button(buttons, vendor).GetAttribute("aria-pressed"));
        Assert.Equal("false", Button(buttons, other).GetAttribute("aria-pressed"));
    }

    [Theory]
    [InlineData("intel", "0F 01 C1")]
    [InlineData("amd", "0F 01 D9")]
    public void Each_shows_its_own_instruction_and_marks_the_byte_that_differs(string vendor, string bytes)
    {
        IRenderedComponent<VendorButtons> buttons = Render<VendorButtons>(with => with.Add(b => b.Vendor, "intel"));

        IElement cells = Button(buttons, vendor).QuerySelector(".hp-bytes")!;
        Assert.Equal(bytes, cells.TextContent);
        IElement marked = Assert.Single(cells.QuerySelectorAll("[data-vendor]"));
        Assert.Equal(bytes[^2..], marked.TextContent);
        Assert.Equal(vendor, marked.GetAttribute("data-vendor"));
    }

    [Fact]
    public void Pressing_asks_for_the_switch()
    {
        string? asked = null;
        IRenderedComponent<VendorButtons> buttons = Render<VendorButtons>(with => with.Add(b => b.Vendor, "intel").Add(b => b.OnSwitch, vendor => asked = vendor));

        Button(buttons, "amd").Click();

        Assert.Equal("amd", asked);
    }

    [Fact]
    public void Who_may_not_press_reads_why()
    {
        IRenderedComponent<VendorButtons> buttons = Render<VendorButtons>(with => with.Add(b => b.Vendor, "intel").Add(b => b.Disabled, true).Add(b => b.Title, "because"));

        Assert.True(Button(buttons, "amd").HasAttribute("disabled"));
        Assert.Equal("because", Button(buttons, "amd").GetAttribute("title"));
    }

    private static IElement Button(IRenderedComponent<VendorButtons> buttons, string vendor) => buttons.Find($"[data-testid=vendor-{vendor}]");
}
