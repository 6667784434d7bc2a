using System.Net;
using System.Security.Claims;
using Hyperpatch.Web.Security;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>Sessions that have ended are ended for good, over restarts too.</summary>
public sealed class EndedSessionTests : IDisposable
{
    private readonly DirectoryInfo _keys = Directory.CreateTempSubdirectory("hyperpatch-test-keys-");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Folder => Path.Combine(_keys.FullName, EndedSessionFiles.FolderName);

    public void Dispose() => _keys.Delete(recursive: true);

    [Fact]
    public async Task A_restart_does_not_bring_a_cookie_back_that_was_logged_out()
    {
        Dictionary<string, string?> settings = new() { ["Security:OperatorToken"] = new string('o', 32), ["Security:ViewerToken"] = new string('v', 32) };
        string left, kept;
        await using (Dashboard first = await StartAsync(settings))
        {
            using HttpClient browser = first.Client(null);
            (left, kept) = (await LogInAsync(first, browser), await LogInAsync(first, browser));
            await LogOut.DoAsync(first, browser, left);
            settings["Urls"] = first.Address.ToString();
        }

        await using Dashboard second = await StartAsync(settings);
        using HttpClient again = second.Client(null);
        Assert.Equal(HttpStatusCode.OK, await AskAsync(again, kept));
        Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(again, left));
    }

    [Fact]
    public async Task Sessions_that_end_with_the_process_leave_nothing_behind()
    {
        await using Dashboard dashboard = await StartAsync(new Dictionary<string, string?> { ["Security:KeepSessions"] = "false" });
        using HttpClient browser = dashboard.Client(null);
        await LogOut.DoAsync(dashboard, browser, await LogInAsync(dashboard, browser));
        Assert.False(Directory.Exists(Folder));
    }

    [Fact]
    public void Nobody_else_can_read_what_is_kept()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Rights of this kind are Unix'.");
        Registry(new Clock()).End(NewUser());
        string file = Assert.Single(Directory.GetFiles(Folder));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Folder));
        }
    }

    [Fact]
    public void What_is_kept_goes_when_the_cookie_is_too_old_by_itself()
    {
        var clock = new Clock();
        ClaimsPrincipal user = NewUser();
        Registry(clock).End(user);
        clock.Now += SessionRegistry.Lifetime;
        Assert.True(Registry(clock).IsOver(user));
        Assert.Single(Directory.GetFiles(Folder));

        clock.Now += TimeSpan.FromMinutes(2);
        Assert.False(Registry(clock).IsOver(user));
        Assert.Empty(Directory.GetFiles(Folder));
    }

    [Fact]
    public void There_is_a_most_and_the_first_one_that_ended_is_forgotten_first()
    {
        var clock = new Clock();
        _ = Directory.CreateDirectory(Folder);
        for (int i = 0; i < SessionRegistry.MaximumEnded + 10; i++)
        {
            File.Create(Path.Combine(Folder, $"{Guid.NewGuid():N}.{clock.Now.AddMinutes(1).ToUnixTimeSeconds() + i}")).Dispose();
        }

        SessionRegistry registry = Registry(clock);
        Assert.Equal(SessionRegistry.MaximumEnded, Directory.GetFiles(Folder).Length);
        ClaimsPrincipal user = NewUser();
        registry.End(user);
        Assert.Equal(SessionRegistry.MaximumEnded, Directory.GetFiles(Folder).Length);
        Assert.True(Registry(clock).IsOver(user));
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("00000000000000000000000000000000.99999999999999999999")]
    [InlineData("00000000000000000000000000000000.999999999999999999")]
    [InlineData("00000000000000000000000000000000.-1")]
    [InlineData(".1")]
    public void What_is_none_of_them_is_left_alone(string name)
    {
        string stray = Path.Combine(Directory.CreateDirectory(Folder).FullName, name);
        File.WriteAllText(stray, "not a session");
        ClaimsPrincipal user = NewUser();
        Registry(new Clock()).End(user);
        Assert.True(Registry(new Clock()).IsOver(user));
        Assert.True(File.Exists(stray));
    }

    [Fact]
    public void Without_a_folder_to_keep_them_in_a_log_out_holds_as_long_as_the_process()
    {
        File.WriteAllText(Folder, "a file in the folder's place");
        SessionRegistry registry = Registry(new Clock());
        ClaimsPrincipal user = NewUser();
        registry.End(user);
        Assert.True(registry.IsOver(user));
    }

    private static ClaimsPrincipal NewUser() => AccessPolicies.Principal(AccessRole.Viewer, AccessSchemes.Session, SessionRegistry.NewClaim());

    private static async Task<string> LogInAsync(Dashboard dashboard, HttpClient browser)
    {
        HttpResponseMessage login = await browser.GetAsync(dashboard.Application.LoginLink(AccessRole.Operator), Cancellation);
        return login.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
    }

    private static async Task<HttpStatusCode> AskAsync(HttpClient browser, string session)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, "/api/machines");
        request.Headers.Add("Cookie", session);
        return (await browser.SendAsync(request, Cancellation)).StatusCode;
    }

    private SessionRegistry Registry(TimeProvider clock) => new(new EndedSessionFiles(_keys, NullLogger<EndedSessionFiles>.Instance), clock);

    private Task<Dashboard> StartAsync(Dictionary<string, string?> settings) =>
        Dashboard.StartAsync(settings, withoutAccelerator: true, services => services.AddDataProtection().PersistKeysToFileSystem(_keys));

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UnixEpoch.AddYears(60);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
