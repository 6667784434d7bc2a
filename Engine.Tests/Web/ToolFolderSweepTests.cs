using System.Diagnostics;
using Hyperpatch.Web.Machines.Assembling;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>What a killed server leaves of its assemblies is removed, and nothing else is.</summary>
public sealed class ToolFolderSweepTests : IDisposable
{
    private readonly DirectoryInfo _parent = Directory.CreateTempSubdirectory("hyperpatch-test-sweep-");

    public void Dispose() => _parent.Delete(recursive: true);

    [Fact]
    public async Task The_folder_of_a_process_that_has_ended_goes_and_that_of_a_living_one_stays()
    {
        RequireLinux();
        using var ended = Process.Start("true");
        await ended.WaitForExitAsync(TestContext.Current.CancellationToken);
        string left = Make(Name(ended.Id)), living = Make(Name(Environment.ProcessId));
        await File.WriteAllTextAsync(Path.Combine(left, "work", "program.o"), "an object", TestContext.Current.CancellationToken);

        Assert.Equal(1, ToolFolderSweep.Sweep(_parent.FullName));

        Assert.False(Directory.Exists(left));
        Assert.True(Directory.Exists(living));
    }

    [Fact]
    public void A_folder_that_the_tools_use_has_the_name_that_is_looked_for()
    {
        RequireLinux();
        using var folder = new ToolFolder();
        string name = new DirectoryInfo(folder.Work).Parent!.Name;
        Assert.StartsWith(Name(Environment.ProcessId)[..^6], name, StringComparison.Ordinal);
        Assert.Equal(Name(Environment.ProcessId).Length, name.Length);
    }

    [Theory]
    [InlineData("hyperpatch-4-1-Ab3dEf", 30, false)]
    [InlineData("hyperpatch-4-1-Ab3dEf", 90, true)]
    [InlineData("hyperpatch--1-Ab3dEf", 90, true)]
    [InlineData("hyperpatch-Ab3dEf", 30, false)]
    [InlineData("hyperpatch-Ab3dEf", 90, true)]
    [InlineData("hyperpatch-my-notes", 90, false)]
    [InlineData("hyperpatch-4-1-Ab3dEfg", 90, false)]
    [InlineData("other-4-1-Ab3dEf", 90, false)]
    public void One_whose_process_cannot_be_told_goes_when_it_is_old(string name, int minutes, bool goes)
    {
        RequireLinux();
        string folder = Make(name, minutes);
        Assert.Equal(goes ? 1 : 0, ToolFolderSweep.Sweep(_parent.FullName));
        Assert.Equal(!goes, Directory.Exists(folder));
    }

    [Fact]
    public void A_folder_with_anything_else_in_it_stays()
    {
        RequireLinux();
        string folder = Make("hyperpatch-Ab3dEf");
        File.WriteAllText(Path.Combine(folder, "notes.txt"), "mine");
        Directory.SetLastWriteTimeUtc(folder, DateTime.UtcNow.AddHours(-2));
        Assert.Equal(0, ToolFolderSweep.Sweep(_parent.FullName));
        Assert.True(File.Exists(Path.Combine(folder, "notes.txt")));
    }

    [Fact]
    public void Links_are_not_followed()
    {
        RequireLinux();
        DirectoryInfo elsewhere = _parent.CreateSubdirectory("elsewhere");
        elsewhere.CreateSubdirectory("work");
        string treasure = Path.Combine(elsewhere.FullName, "work", "treasure");
        File.WriteAllText(treasure, "mine");
        Directory.SetLastWriteTimeUtc(elsewhere.FullName, DateTime.UtcNow.AddHours(-2));

        // In the place of a folder, in the place of its own folder, and inside of that.
        _ = Directory.CreateSymbolicLink(Path.Combine(_parent.FullName, "hyperpatch-Link01"), elsewhere.FullName);
        DirectoryInfo linked = _parent.CreateSubdirectory("hyperpatch-Link02");
        _ = Directory.CreateSymbolicLink(Path.Combine(linked.FullName, "work"), Path.Combine(elsewhere.FullName, "work"));
        Directory.SetLastWriteTimeUtc(linked.FullName, DateTime.UtcNow.AddHours(-2));
        string left = Make("hyperpatch-Link03");
        _ = Directory.CreateSymbolicLink(Path.Combine(left, "work", "inside"), elsewhere.FullName);
        Directory.SetLastWriteTimeUtc(left, DateTime.UtcNow.AddHours(-2));

        Assert.Equal(1, ToolFolderSweep.Sweep(_parent.FullName));

        Assert.False(Directory.Exists(left));
        Assert.True(linked.Exists);
        Assert.Equal("mine", File.ReadAllText(treasure));
    }

    [Fact]
    public async Task Another_users_folder_stays()
    {
        RequireLinux();
        string folder = Make("hyperpatch-Ab3dEf", 90);
        using Process chown = Process.Start(new ProcessStartInfo("chown", ["65534", folder]) { RedirectStandardError = true })!;
        await chown.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.SkipUnless(chown.ExitCode == 0, "Only root can give a folder to somebody else.");
        Assert.Equal(0, ToolFolderSweep.Sweep(_parent.FullName));
        Assert.True(Directory.Exists(folder));
    }

    [Fact]
    public void A_folder_that_is_not_there_is_no_failure() => Assert.Equal(0, ToolFolderSweep.Sweep(Path.Combine(_parent.FullName, "nowhere")));

    private static void RequireLinux() => Assert.SkipUnless(OperatingSystem.IsLinux(), "Assembling needs Linux.");

    private static string Name(int process) => $"hyperpatch-{ToolFolderSweep.Namespace}-{process}-Ab3dEf";

    private string Make(string name, int minutes = 0)
    {
        DirectoryInfo folder = _parent.CreateSubdirectory(name);
        folder.CreateSubdirectory("work");
        folder.CreateSubdirectory("root");
        Directory.SetLastWriteTimeUtc(folder.FullName, DateTime.UtcNow.AddMinutes(-minutes));
        return folder.FullName;
    }
}
