using Hyperpatch.Web.Components.Machines;

namespace Hyperpatch.Engine.Tests.Web.Components;

public sealed class SiteDisassemblyTests
{
    // add rax, 0x11223344; mov eax, 5; xor ebx, ebx; vmcall; cmp rax, 0; ret; ud2
    private static readonly byte[] s_code = Convert.FromHexString("480544332211" + "B805000000" + "31DB" + "0F01C1" + "483D00000000" + "C3" + "0F0B");
    private const int Site = 13;

    [Fact]
    public void The_code_before_the_site_is_found_again()
    {
        byte[] page = new byte[4096];
        page.AsSpan().Fill(0x90);
        s_code.CopyTo(page, 1000);

        IReadOnlyList<DisassembledLine> lines = SiteDisassembly.List(page, 1000 + Site, 0x401000 + Site, 64);

        DisassembledLine here = Assert.Single(lines, line => line.IsSite);
        Assert.Equal(("0x40100D", "0F 01 C1", "vmcall", "intel"), (here.Address, here.Bytes, here.Text, here.Vendor));
        int at = lines.ToList().IndexOf(here);
        Assert.Equal(["add rax, 0x11223344", "mov eax, 5", "xor ebx, ebx"], lines.Take(at).TakeLast(3).Select(line => line.Text));
        Assert.Equal(["cmp rax, 0", "ret", "ud2"], lines.Skip(at + 1).Take(3).Select(line => line.Text));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4093)]
    public void A_page_ends_the_listing(int start)
    {
        byte[] page = new byte[4096];
        page.AsSpan().Fill(0x90);
        new byte[] { 0x0F, 0x01, 0xD9 }.CopyTo(page, start);

        IReadOnlyList<DisassembledLine> lines = SiteDisassembly.List(page, start, 0x1000 + (ulong)start, 64);

        DisassembledLine edge = start == 0 ? lines[0] : lines[^1];
        Assert.True(edge.IsSite);
        Assert.Equal("vmmcall", edge.Text);
    }
}
