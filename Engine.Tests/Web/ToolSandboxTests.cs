using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Hyperpatch.Web.Machines.Assembling;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>What a tool can do in namespaces of its own, and what it cannot: each time beside what it can do without them.</summary>
public sealed class ToolSandboxTests
{
    private const string Secret = "hyperpatch-secret-word";

    // Each line says that something was possible. Arguments: a file, a port, a process.
    private const string Reach = """
        cat "$1"
        (exec 3<>"/dev/tcp/127.0.0.1/$2") && echo connected
        kill -0 "$3" && echo "saw a process"
        echo > written && echo "wrote"
        """;

    // What would be the way out.
    private const string WayOut = """
        ls /proc /dev /etc /root /tmp /home && echo "saw folders"
        mount -t tmpfs none . && echo "mounted"
        unshare --user --map-root-user true && echo "got capabilities"
        echo > /usr/bin/hyperpatch-test && echo "wrote a program"
        chroot /work true && echo "changed its root"
        kill -KILL 1 && kill -0 1 || echo "ended the first process"
        echo "ended"
        """;

    private static string Bash => ToolLinks.FindOnPath("bash") ?? "";

    [Fact]
    public async Task Files_network_and_processes_of_the_host_are_out_of_reach()
    {
        ToolSandbox sandbox = await RequireAsync();
        string secret = Path.Combine(Path.GetTempPath(), $"hyperpatch-test-{Guid.NewGuid():N}");
        await File.WriteAllTextAsync(secret, Secret + "\n", TestContext.Current.CancellationToken);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        try
        {
            string port = ((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
            string process = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
            using var folder = new ToolFolder();
            var call = new ToolCall(Bash, ["-c", Reach, "bash", secret, port, process], folder.Work, "");

            Assert.Equal([Secret, "connected", "saw a process", "wrote"], Lines(await ToolRun.RunAsync(call)));
            File.Delete(Path.Combine(folder.Work, "written"));
            ToolResult inside = await ToolRun.RunAsync(sandbox.Around(call));

            Assert.Equal(["wrote"], Lines(inside));
            Assert.True(File.Exists(Path.Combine(folder.Work, "written")), "What it writes into its folder is there afterwards.");
        }
        finally
        {
            File.Delete(secret);
        }
    }

    [Fact]
    public async Task There_is_no_way_out()
    {
        ToolSandbox sandbox = await RequireAsync();
        using var folder = new ToolFolder();
        ToolResult inside = await ToolRun.RunAsync(sandbox.Around(new ToolCall(Bash, ["-c", WayOut], folder.Work, "")));
        Assert.Equal(["ended"], Lines(inside));
        Assert.Equal(0, inside.Status);
    }

    [Theory]
    [InlineData("exit 3", 3)]
    [InlineData("kill -SEGV $$", 128 + 11)]
    [InlineData("ulimit -f 1; printf '%5000s' x > file", 128 + 25)]
    [InlineData("ulimit -t 1; while :; do :; done", 128 + 9)]
    public async Task How_a_tool_ends_is_told_as_without(string script, int status)
    {
        ToolSandbox sandbox = await RequireAsync();
        using var folder = new ToolFolder();
        var call = new ToolCall(Bash, ["-c", script], folder.Work, "");
        Assert.Equal(status, (await ToolRun.RunAsync(call)).Status);
        Assert.Equal(status, (await ToolRun.RunAsync(sandbox.Around(call))).Status);
    }

    [Fact]
    public async Task A_host_without_them_is_said_to_be_one_and_assembles_all_the_same()
    {
        using var links = new ToolLinks("as", "ld", "prlimit");
        using var assembler = new GnuAssembler(links.Folder);
        AssemblerAvailability answer = await assembler.CheckAsync();
        Assert.SkipUnless(answer.IsAvailable, answer.Text);
        Assert.Contains("unshare is not installed", answer.Confinement, StringComparison.Ordinal);
        AssemblyOutcome outcome = await assembler.AssembleAsync("hlt", AssemblySyntax.Intel);
        Assert.Empty(outcome.Errors);
        Assert.NotNull(outcome.Program);
    }

    [Fact]
    public async Task One_that_cannot_make_them_is_not_used_and_says_why()
    {
        using var links = new ToolLinks("true");
        string refuses = Path.Combine(links.Folder, "unshare");
        await File.WriteAllTextAsync(refuses, "#!/bin/sh\necho 'unshare: Operation not permitted' >&2\nexit 1\n", TestContext.Current.CancellationToken);
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Namespaces are Linux's.");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(refuses, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        Assert.Equal((null, "unshare: Operation not permitted"), await ToolSandbox.TryAsync(refuses, Path.Combine(links.Folder, "true")));
    }

    private static string[] Lines(ToolResult result) => result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static async Task<ToolSandbox> RequireAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Bash.Length > 0, "Namespaces are Linux's, and what is tried in them is written for bash.");
        (ToolSandbox? sandbox, string reason) = await ToolSandbox.TryAsync(ToolLinks.FindOnPath("unshare"), Bash);
        Assert.SkipUnless(sandbox is not null, reason);
        return sandbox!;
    }
}
