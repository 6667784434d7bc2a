using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Hyperpatch.Engine.Guests.Loading;
using Hyperpatch.Engine.Tests.Guests.Loading;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Security;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>Image files over HTTP: multipart/form-data.</summary>
public sealed class ImageApiTests
{
    private static readonly byte[] s_flat = ImageFiles.Code(64, 0, ImageFiles.CallAndExit);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_image_is_uploaded_and_runs()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        using HttpResponseMessage created = await PostAsync(
            client, ImageFiles.Elf64(ImageFiles.Code(64, ImageFiles.Address, ImageFiles.PrintAndExit)),
            @"C:\images\kernel.elf", ("commandLine", "hello"), ("memoryMiB", "16"), ("vendor", "amd"), ("start", "true"), ("name", ""));
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        string path = created.Headers.Location!.ToString();
        JsonElement machine = default;
        await Patience.UntilAsync("it ends", async () =>
        {
            machine = await client.GetFromJsonAsync<JsonElement>(path, Cancellation);
            return machine.GetProperty("state").GetString() == "stopped";
        });
        Assert.Equal(("kernel.elf", "kernel.elf", "amd", 16, 1), (
            machine.GetProperty("guest").GetString(), machine.GetProperty("name").GetString(), machine.GetProperty("vendor").GetString(),
            machine.GetProperty("memoryMiB").GetInt32(), machine.GetProperty("exit").GetProperty("code").GetInt32()));
        Assert.Equal("hello", await client.GetStringAsync(new Uri($"{path}/serial", UriKind.Relative), Cancellation));
    }

    [Theory]
    [InlineData("guest", "hello", "guest", "not both")]
    [InlineData("format", "pe", "format", "flat, elf, multiboot")]
    [InlineData("mode", "48", "mode", "16, 32, 64")]
    [InlineData("loadAddress", "4096", "loadAddress", "hexadecimal with 0x")]
    [InlineData("entryAddress", "0x0", "entryAddress", "does not lie in the image")]
    [InlineData("format", "elf", "image", "does not begin like an ELF file")]
    [InlineData("processors", "many", "processors", "whole number")]
    [InlineData("processors", "65", "processors", "64")]
    [InlineData("start", "maybe", "start", "true, false")]
    [InlineData("colour", "red", "colour", "not known")]
    public async Task What_is_wrong_is_said_by_field(string field, string value, string wrong, string part)
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        using HttpResponseMessage response = await PostAsync(client, s_flat, "flat.bin", (field, value));
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        JsonElement problem = await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.Contains(part, problem.GetProperty("errors").GetProperty(wrong)[0].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_form_may_name_a_guest_of_the_catalogue_and_json_may_not_bring_an_images_fields()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        using HttpResponseMessage created = await PostAsync(client, null, null, ("guest", "hello"));
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        HttpResponseMessage refused = await client.PostAsJsonAsync("/api/machines", new { guest = "hello", mode = "16" }, Cancellation);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("image files", await refused.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_form_has_all_fields_of_the_json()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        (string, string)[] empty = [.. typeof(CreateMachineRequest).GetProperties().Select(property => (JsonNamingPolicy.CamelCase.ConvertName(property.Name), ""))];
        Assert.Contains(("interceptControlRegisters", ""), empty);
        using HttpResponseMessage response = await PostAsync(client, s_flat, "flat.bin", empty);
        Assert.True(response.StatusCode == HttpStatusCode.UnprocessableEntity, await response.Content.ReadAsStringAsync(Cancellation));
    }

    [Fact]
    public async Task What_is_too_long_cut_off_or_twice_is_refused()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        using HttpResponseMessage tooLong = await PostAsync(client, new byte[ImageGuest.MaximumBytes + 1], "long.bin");
        Assert.Equal(HttpStatusCode.BadRequest, tooLong.StatusCode);
        Assert.Contains("32 MiB", await tooLong.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        using HttpResponseMessage longField = await PostAsync(client, s_flat, "flat.bin", ("name", new string('n', 5000)));
        Assert.Contains("4096 bytes", await longField.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        using HttpResponseMessage twice = await PostAsync(client, s_flat, "flat.bin", ("name", "a"), ("name", "b"));
        Assert.Contains("given twice", await twice.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        using StringContent cut = new("--x\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a\"\r\n\r\nabc");
        cut.Headers.Remove("Content-Type");
        Assert.True(cut.Headers.TryAddWithoutValidation("Content-Type", "multipart/form-data; boundary=x"));
        using HttpResponseMessage cutOff = await client.PostAsync(new Uri("/api/machines", UriKind.Relative), cut, Cancellation);
        Assert.Equal(HttpStatusCode.BadRequest, cutOff.StatusCode);
        Assert.Contains("cut off", await cutOff.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_viewer_uploads_nothing()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        using HttpClient client = dashboard.Client(AccessRole.Viewer);
        using HttpResponseMessage response = await PostAsync(client, s_flat, "flat.bin");
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
    }

    private static async Task<HttpResponseMessage> PostAsync(HttpClient client, byte[]? image, string? fileName, params (string Name, string Value)[] fields)
    {
        using MultipartFormDataContent form = [];
        foreach ((string name, string value) in fields)
        {
            form.Add(new StringContent(value), name);
        }

        if (image is not null)
        {
            form.Add(new ByteArrayContent(image), "image", fileName!);
        }

        return await client.PostAsync(new Uri("/api/machines", UriKind.Relative), form, Cancellation);
    }
}
