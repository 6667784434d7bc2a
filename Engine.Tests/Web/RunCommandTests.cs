using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hyperpatch.Engine.Tests.Guests.Loading;
using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Web;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Machines;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>The program itself, as a process: <c>run</c> with its exit statuses and its summary.</summary>
public sealed class RunCommandTests
{
    [Theory]
    [InlineData(0, true, "hello")]
    [InlineData(1, true, "exit-storm", "--append", "count=100")]
    [InlineData(125, false, "no-such-guest")]
    [InlineData(125, false, "hello", "--processors", "65")]
    [InlineData(125, false, "hello", "--no-such-option")]
    [InlineData(124, true, "mixed", "--timeout", "1")]
    public async Task The_exit_status_and_the_summary_say_how_it_ended(int expected, bool needsAccelerator, params string[] arguments)
    {
        RequireWhere(needsAccelerator);
        string path = Path.Combine(Path.GetTempPath(), $"hyperpatch-{Guid.NewGuid():N}.json");
        try
        {
            (int status, string output, string error) = await RunAsync([.. arguments, "--summary", path]);
            Assert.True(expected == status, $"Status {status}: {error}");
            using JsonDocument summary = JsonDocument.Parse(await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken));
            Assert.Equal(expected, summary.RootElement.GetProperty("exit").GetProperty("code").GetInt32());
            Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
            Assert.True(arguments[0] != "hello" || expected != 0 || output.Length > 0);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData(1, "", "")]
    [InlineData(1, "", "--mode", "64", "--load-address", "0x300000")]
    [InlineData(125, "does not begin like an ELF file", "--format", "elf")]
    [InlineData(125, "Option --mode has the value \"48\"", "--mode", "48")]
    [InlineData(125, "does not lie in the image", "--entry-address", "0x1")]
    public async Task An_image_file_runs_in_the_place_of_a_guest(int expected, string part, params string[] arguments)
    {
        RequireWhere(expected != 125);
        string path = Path.Combine(Path.GetTempPath(), $"hyperpatch-{Guid.NewGuid():N}.bin");
        try
        {
            await File.WriteAllBytesAsync(path, ImageFiles.Code(64, 0, ImageFiles.CallAndExit), TestContext.Current.CancellationToken);
            (int status, _, string error) = await RunAsync([path, .. arguments.Where(argument => argument.Length > 0)]);
            Assert.True(expected == status, $"Status {status}: {error}");
            Assert.Contains(part, error, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task The_processor_in_software_counts_its_instructions()
    {
        string path = Path.Combine(Path.GetTempPath(), $"hyperpatch-{Guid.NewGuid():N}.json");
        try
        {
            (int status, _, string error) = await RunAsync(["undefined", "--append", "rounds=1000", "--accelerator", "software", "--summary", path]);
            Assert.True(status is 0 or 1, $"Status {status}: {error}");
            using JsonDocument summary = JsonDocument.Parse(await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken));
            // Each round is an undefined instruction, a hypercall and what is around them.
            Assert.InRange(summary.RootElement.GetProperty("instructions").GetInt64(), 5_000, 1_000_000);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task A_deterministic_run_repeats_with_its_vendor_switches()
    {
        List<string> summaries = [];
        List<string> outputs = [];
        for (int i = 0; i < 2; i++)
        {
            string path = Path.Combine(Path.GetTempPath(), $"hyperpatch-{Guid.NewGuid():N}.json");
            try
            {
                (int status, string output, string error) = await RunAsync(
                    ["patch-race", "--append", "rounds=20", "--processors", "4", "--deterministic", "--switch-vendor-after", "700", "--summary", path]);
                Assert.True(status == 1, $"Status {status}: {error}");
                JsonNode summary = JsonNode.Parse(await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken))!;
                Assert.True(summary["deterministic"]!.GetValue<bool>());
                Assert.Equal("software", summary["accelerator"]!.GetValue<string>());
                Assert.True(summary["machineTimeNs"]!.GetValue<ulong>() >= summary["instructions"]!.GetValue<ulong>());
                // 64 sites, 20 rounds, 4 processors: 5120 calls, 7 switches.
                Assert.Equal(8, error.Split("The guest now sees").Length);
                Assert.True(summary.AsObject().Remove("elapsedMs"));
                summaries.Add(summary.ToJsonString());
                outputs.Add(output);
            }
            finally
            {
                File.Delete(path);
            }
        }

        Assert.Equal(summaries[0], summaries[1]);
        Assert.Equal(outputs[0], outputs[1]);
    }

    [Fact]
    public async Task Kvm_has_no_deterministic_mode()
    {
        (int status, _, string error) = await RunAsync(["hello", "--deterministic", "--accelerator", "kvm"]);
        Assert.Equal(125, status);
        Assert.Contains("The accelerator kvm cannot repeat a run exactly", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_summary_that_cannot_be_written_is_one_line()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Skip("/dev/full is Linux's.");
        }

        RequireWhere(true);
        (int status, _, string error) = await RunAsync(["hello", "--summary", "/dev/full"]);
        Assert.Equal(126, status);
        Assert.Contains("--summary", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    private static void RequireWhere(bool needed)
    {
        if (needed)
        {
            using var accelerators = new AcceleratorSet(new EngineOptions());
            var availability = accelerators.Select().Check();
            Accelerated.Require(availability.IsAvailable, availability.Reason);
        }
    }

    private static async Task<(int Status, string Output, string Error)> RunAsync(string[] arguments)
    {
        string program = typeof(HyperpatchApplication).Assembly.Location;
        using Process process = Process.Start(new ProcessStartInfo("dotnet", [program, "run", .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, await output, await error);
    }
}
