using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Hyperpatch.Web.Machines.Assembling;
using Hyperpatch.Web.Security;
using Microsoft.Extensions.DependencyInjection;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>Sources over HTTP.</summary>
public sealed class EditorApiTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_source_is_assembled_with_its_listing_or_its_errors()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        await RequireAssemblerAsync(dashboard);
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        JsonElement good = await AssembleAsync(client, new { source = "mov eax, 1\nvmcall\nhlt\n" });
        Assert.Equal(("0x100000", "0x100000", "B8 01 00 00 00 0F 01 C1 F4"), (
            good.GetProperty("address").GetString(), good.GetProperty("entry").GetString(), good.GetProperty("bytes").GetString()));
        JsonElement call = good.GetProperty("listing")[1];
        Assert.Equal(("0x100005", "0F 01 C1", "vmcall"), (
            call.GetProperty("address").GetString(), call.GetProperty("bytes").GetString(), call.GetProperty("instruction").GetString()));
        Assert.Equal(0, good.GetProperty("errors").GetArrayLength());

        JsonElement bad = await AssembleAsync(client, new { source = "nop\nmov $1, %eax, 3\n", syntax = "intel" });
        Assert.Equal(2, bad.GetProperty("errors")[0].GetProperty("line").GetInt32());
        Assert.Equal("", bad.GetProperty("bytes").GetString());
    }

    [Fact]
    public async Task The_longest_source_fits_the_body_however_it_is_escaped()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        await RequireAssemblerAsync(dashboard);
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        const string Code = "hlt #";

        // The client writes each of these as \uXXXX.
        string source = Code + new string('\u6F22', GnuAssembler.MaximumSource - Code.Length);
        Assert.Equal("F4", (await AssembleAsync(client, new { source })).GetProperty("bytes").GetString());
        HttpResponseMessage machine = await client.PostAsJsonAsync("/api/machines", new { source }, Cancellation);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, machine.StatusCode);
        using StringContent tooLong = new(new string(' ', GnuAssembler.MaximumMessage + 1), System.Text.Encoding.UTF8, "application/json");
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await client.PostAsync(new Uri("/api/assemble", UriKind.Relative), tooLong, Cancellation)).StatusCode);
    }

    [Fact]
    public async Task A_machine_is_made_of_a_source()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        await RequireAssemblerAsync(dashboard);
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        HttpResponseMessage created = await client.PostAsJsonAsync(
            "/api/machines", new { source = "movl $1, %eax\nvmmcall\nmovb $4, %al\noutb %al, $0xF4\nhlt", syntax = "att", start = true }, Cancellation);
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        await Patience.UntilAsync("it ends with what it wrote", async () =>
            (await client.GetFromJsonAsync<JsonElement>(created.Headers.Location, Cancellation)).GetProperty("exit") is { ValueKind: JsonValueKind.Object } exit
            && exit.GetProperty("code").GetInt32() == 9);
    }

    [Theory]
    [InlineData("""{"source":"bad","start":true}""", "source", "Line 1: no such instruction")]
    [InlineData("""{"source":"nop","guest":"hello"}""", "guest", "not both")]
    [InlineData("""{"source":"nop","syntax":"nasm"}""", "syntax", "intel, att")]
    [InlineData("""{"guest":"hello","syntax":"att"}""", "syntax", "for a source")]
    [InlineData("""{"source":"nop","processors":65}""", "processors", "64")]
    public async Task What_is_wrong_is_said_by_field(string body, string field, string part)
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        await RequireAssemblerAsync(dashboard);
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        using StringContent content = new(body, System.Text.Encoding.UTF8, "application/json");
        HttpResponseMessage response = await client.PostAsync(new Uri("/api/machines", UriKind.Relative), content, Cancellation);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        JsonElement problem = await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.Contains(part, problem.GetProperty("errors").GetProperty(field)[0].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Viewers_assemble_nothing()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        using HttpClient client = dashboard.Client(AccessRole.Viewer);
        Assert.Equal(HttpStatusCode.Forbidden, (await client.PostAsJsonAsync("/api/assemble", new { source = "nop" }, Cancellation)).StatusCode);
    }

    private static async Task RequireAssemblerAsync(Dashboard dashboard)
    {
        AssemblerAvailability answer = await dashboard.Application.Services.GetRequiredService<GnuAssembler>().CheckAsync();
        Assert.SkipUnless(answer.IsAvailable, answer.Text);
    }

    private static async Task<JsonElement> AssembleAsync(HttpClient client, object body)
    {
        HttpResponseMessage response = await client.PostAsJsonAsync("/api/assemble", body, Cancellation);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
    }
}
