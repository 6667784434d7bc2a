using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Hyperpatch.Web.Machines.Views;
using Hyperpatch.Web.Security;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>What viewers, other sites, oversized requests and ended sessions cannot do.</summary>
public sealed class ProtectionTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Style sheets, scripts and pictures: the page that asks for the token has them, too.
    private static bool IsFile(string path) => Path.HasExtension(path) || path.StartsWith("/_framework", StringComparison.Ordinal) || path.StartsWith("/_content", StringComparison.Ordinal);

    [Theory]
    [InlineData("POST", "/api/machines")]
    [InlineData("DELETE", "/api/machines/m1")]
    [InlineData("POST", "/api/machines/m1/run")]
    [InlineData("POST", "/api/machines/m1/pause")]
    [InlineData("POST", "/api/machines/m1/reset")]
    [InlineData("POST", "/api/machines/m1/step")]
    [InlineData("PUT", "/api/machines/m1/vendor")]
    [InlineData("PUT", "/api/machines/m1/policy")]
    [InlineData("POST", "/api/machines/m1/serial")]
    public async Task A_viewer_changes_nothing_and_is_told_before_the_body_is_read(string method, string path)
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        using HttpClient viewer = dashboard.Client(AccessRole.Viewer);
        using HttpRequestMessage request = new(new HttpMethod(method), path) { Content = new StringContent("{ no JSON", null, path.EndsWith("/serial", StringComparison.Ordinal) ? "text/plain" : "application/json") };
        HttpResponseMessage response = await viewer.SendAsync(request, Cancellation);
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        JsonElement problem = await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.Contains("only operators", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_endpoint_asks_for_a_role_and_every_change_for_operators()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        List<string> open = [], forViewers = [];
        foreach (RouteEndpoint endpoint in dashboard.Application.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>())
        {
            string path = '/' + (endpoint.RoutePattern.RawText ?? "").TrimStart('/');
            IReadOnlyList<string> methods = endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? [];
            if (endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null)
            {
                open.Add(path);
            }
            else if (path.StartsWith("/api", StringComparison.Ordinal) && !methods.All(HttpMethods.IsGet)
                && !endpoint.Metadata.GetOrderedMetadata<IAuthorizeData>().Any(wanted => wanted.Policy == AccessPolicies.Operator))
            {
                forViewers.Add($"{string.Join(',', methods)} {path}");
            }
        }

        Assert.Empty(forViewers);
        Assert.Equal(["/healthz", "/login", "/logout", "/status/{code:int}"], open.Distinct().Where(path => !IsFile(path)).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("/hubs/machines/negotiate?negotiateVersion=1")]
    [InlineData("/_blazor/negotiate?negotiateVersion=1")]
    public async Task Connections_from_other_sites_are_refused(string path)
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        using HttpClient browser = dashboard.Client(AccessRole.Operator);
        foreach (string origin in (string[])["http://evil.example", "null", $"https://127.0.0.1:{dashboard.Address.Port + 1}"])
        {
            using HttpRequestMessage foreign = new(HttpMethod.Post, path);
            foreign.Headers.Add("Origin", origin);
            Assert.Equal(HttpStatusCode.Forbidden, (await browser.SendAsync(foreign, Cancellation)).StatusCode);
        }

        using HttpRequestMessage own = new(HttpMethod.Post, path);
        own.Headers.Add("Origin", dashboard.Address.GetLeftPart(UriPartial.Authority));
        Assert.Equal(HttpStatusCode.OK, (await browser.SendAsync(own, Cancellation)).StatusCode);
    }

    [Fact]
    public async Task A_body_that_is_too_long_is_413_with_problem_details_and_the_usual_headers()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        HttpResponseMessage response = await client.PostAsJsonAsync("/api/machines", new { guest = new string('x', 120_000) }, Cancellation);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
    }

    [Fact]
    public async Task After_log_out_neither_the_cookie_nor_an_open_connection_may_do_anything()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        using HttpClient browser = dashboard.Client(null);
        HttpResponseMessage login = await browser.GetAsync(dashboard.Application.LoginLink(AccessRole.Operator), Cancellation);
        string session = login.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
        TaskCompletionSource closed = new();
        await using HubConnection connection = new HubConnectionBuilder()
            .WithUrl(new Uri(dashboard.Address, "/hubs/machines"), options =>
            {
                options.Headers["Cookie"] = session;
                options.Headers["Origin"] = dashboard.Address.GetLeftPart(UriPartial.Authority);
            })
            .Build();
        connection.Closed += _ =>
        {
            closed.SetResult();
            return Task.CompletedTask;
        };
        await connection.StartAsync(Cancellation);
        Assert.Empty(await connection.InvokeAsync<IReadOnlyList<MachineView>>("List", Cancellation));

        await LogOut.DoAsync(dashboard, browser, session);

        await closed.Task.WaitAsync(TimeSpan.FromSeconds(10), Cancellation);
        using HttpRequestMessage again = new(HttpMethod.Get, "/api/machines");
        again.Headers.Add("Cookie", session);
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.SendAsync(again, Cancellation)).StatusCode);
    }

    [Fact]
    public async Task Serial_input_is_for_machines_that_run_or_are_paused()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        (await client.PostAsJsonAsync("/api/machines", new { guest = "mixed" }, Cancellation)).EnsureSuccessStatusCode();
        using StringContent text = new("hello");
        Assert.Equal(HttpStatusCode.Conflict, (await client.PostAsync(new Uri("/api/machines/m1/serial", UriKind.Relative), text, Cancellation)).StatusCode);
        (await client.PostAsync(new Uri("/api/machines/m1/run", UriKind.Relative), null, Cancellation)).EnsureSuccessStatusCode();
        using StringContent more = new("hello");
        Assert.Equal(HttpStatusCode.NoContent, (await client.PostAsync(new Uri("/api/machines/m1/serial", UriKind.Relative), more, Cancellation)).StatusCode);
    }

    [Fact]
    public async Task The_description_of_the_API_names_parameters_and_the_token()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        using HttpClient client = dashboard.Client(AccessRole.Viewer);
        JsonElement document = await client.GetFromJsonAsync<JsonElement>("/openapi/v1.json", Cancellation);
        Assert.Equal("Hyperpatch", document.GetProperty("info").GetProperty("title").GetString());
        Assert.Equal("bearer", document.GetProperty("components").GetProperty("securitySchemes").GetProperty("Bearer").GetProperty("scheme").GetString());
        JsonElement exits = document.GetProperty("paths").GetProperty("/api/machines/{id}/exits").GetProperty("get");
        Assert.Superset(
            new HashSet<string> { "after", "limit", "processor", "reason" },
            exits.GetProperty("parameters").EnumerateArray().Select(parameter => parameter.GetProperty("name").GetString()!).ToHashSet());
        Assert.True(exits.GetProperty("responses").TryGetProperty("401", out _));
        JsonElement create = document.GetProperty("paths").GetProperty("/api/machines").GetProperty("post").GetProperty("responses");
        Assert.All((string[])["400", "401", "403", "409", "413", "422"], status => Assert.True(create.TryGetProperty(status, out _), status));
    }
}
