using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.PausePoints;
using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Web.Machines.Stories;

namespace Hyperpatch.Engine.Tests.Web.Stories;

/// <summary>Each outcome in words.</summary>
public sealed class StoryTellerTests
{
    private static readonly ExitRecord s_patch = new()
    {
        Sequence = 7, Timestamp = 1, Rip = 0x401000, Linear = 0x401000, Bytes = 0xD9_010F, Length = 3, PatchOffset = 2, Before = 0xD9, After = 0xC1,
        Processor = 1, Reason = ExitReason.InvalidOpcode, Vendor = 0, Policy = PatchPolicy.Force, Outcome = InterceptionOutcome.Patched, Cpl = 0,
    };

    [Fact]
    public void A_patch_is_told_from_the_exit_to_the_call_that_followed()
    {
        ExitRecord call = s_patch with
        {
            Sequence = 9, Reason = ExitReason.Hypercall, Outcome = InterceptionOutcome.Served, Bytes = 0xC1_010F, Before = 0xC1, After = 0xC1,
            Value0 = 5, Value1 = 0, Value2 = 2, Result = 0,
        };

        Story story = StoryTeller.Tell(s_patch, call, 64, InterceptionLevel.Trap);

        Assert.Equal(["exit", "fetch", "decode", "vendor", "action", "sequel"], story.Steps.Select(step => step.Id));
        Assert.Equal("A hypercall instruction was repaired: D9 became C1", story.Title);
        Assert.Equal(["1", "0x401000", "0 (kernel)"], story.Steps[0].Facts.Take(3).Select(fact => fact.Value));
        Assert.Equal("0F 01 D9", story.Steps[1].Bytes);
        Assert.Equal(("They are VMMCALL: AMD's hypercall", "amd"), (story.Steps[2].Title, story.Steps[2].Vendor));
        Assert.Equal(("The guest sees a processor by Intel", "intel"), (story.Steps[3].Title, story.Steps[3].Vendor));
        Assert.Equal(("0F 01 D9", "0F 01 C1"), (story.Steps[4].Bytes, story.Steps[4].After));
        Assert.Contains(story.Steps[4].Facts, fact => fact is { Name: "Policy", Value: "force" });
        Assert.Contains(story.Steps[5].Facts, fact => fact.Value == "KICK_CPU (5)");
        Assert.Contains(story.Steps[5].Facts, fact => fact is { Name: "RCX", Value: "0x2" });
        Assert.Contains(story.Steps[5].Facts, fact => fact is { Name: "Result", Value: "0" });
        Assert.Equal(9, story.Next!.Sequence);
        Assert.False(story.IsPending);
    }

    [Fact]
    public void What_has_not_come_yet_is_told_as_still_to_come()
    {
        Story story = StoryTeller.Tell(s_patch, null, 64, InterceptionLevel.Trap);

        Assert.True(story.Steps[^1].IsPending);
        Assert.Contains("press Step", story.Steps[^1].Text, StringComparison.Ordinal);
        Assert.All(story.Steps.SkipLast(1), step => Assert.False(step.IsPending));
    }

    [Theory]
    [InlineData(InterceptionLevel.Native, ExitReason.PortIo, InterceptionOutcome.None, "served the call without telling")]
    [InlineData(InterceptionLevel.Trap, ExitReason.PortIo, InterceptionOutcome.None, "came back to the host for something else")]
    [InlineData(InterceptionLevel.Trap, ExitReason.InvalidOpcode, InterceptionOutcome.Patched, "the vendor was switched")]
    public void A_sequel_that_is_no_call_is_not_told_as_one(InterceptionLevel level, ExitReason reason, InterceptionOutcome outcome, string text)
    {
        ExitRecord next = s_patch with { Sequence = 8, Reason = reason, Outcome = outcome, Linear = outcome == InterceptionOutcome.None ? 0 : s_patch.Linear };

        StoryStep sequel = StoryTeller.Tell(s_patch, next, 64, level).Steps[^1];

        Assert.Contains(text, sequel.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(sequel.Facts, fact => fact.Name == "Hypercall");
        Assert.Contains(sequel.Facts, fact => fact is { Name: "Exit", Value: "8" });
    }

    [Theory]
    [InlineData(InterceptionOutcome.Emulated, "Nothing is written: the call is served", "goes on behind")]
    [InlineData(InterceptionOutcome.EmulatedReadOnly, "in ROM", "goes on behind")]
    [InlineData(InterceptionOutcome.Injected, "the guest gets its #UD", "takes the #UD")]
    [InlineData(InterceptionOutcome.PageFault, "the guest gets a #PF", "takes the page fault")]
    [InlineData(InterceptionOutcome.LoopGuard, "the guest gets a #UD", "takes the #UD")]
    public void Why_nothing_was_written_is_said(InterceptionOutcome outcome, string action, string sequel)
    {
        Story story = StoryTeller.Tell(s_patch with { Outcome = outcome, After = s_patch.Before }, null, 64, InterceptionLevel.Trap);

        StoryStep step = Assert.Single(story.Steps, one => one.Id == "action");
        Assert.Contains(action, step.Title, StringComparison.Ordinal);
        Assert.Null(step.After);
        Assert.Contains(sequel, story.Steps[^1].Title, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(InterceptionOutcome.Patched, InterceptionLevel.Trap, StoryOutlook.Paused, "press Step", true)]
    [InlineData(InterceptionOutcome.Patched, InterceptionLevel.Trap, StoryOutlook.Running, "comes next.", true)]
    [InlineData(InterceptionOutcome.Patched, InterceptionLevel.Native, StoryOutlook.Running, "may serve the call itself", false)]
    [InlineData(InterceptionOutcome.Patched, InterceptionLevel.Native, StoryOutlook.Paused, "press Step", true)]
    [InlineData(InterceptionOutcome.Patched, InterceptionLevel.Trap, StoryOutlook.Nothing, "is not known", false)]
    [InlineData(InterceptionOutcome.Injected, InterceptionLevel.Trap, StoryOutlook.Running, "Nothing has come back", true)]
    [InlineData(InterceptionOutcome.Injected, InterceptionLevel.Trap, StoryOutlook.Nothing, "is not known", false)]
    public void What_may_still_come_is_not_promised_where_nothing_will(InterceptionOutcome outcome, InterceptionLevel level, StoryOutlook outlook, string text, bool isPending)
    {
        StoryStep sequel = StoryTeller.Tell(s_patch with { Outcome = outcome }, null, 64, level, outlook).Steps[^1];

        Assert.Contains(text, sequel.Text, StringComparison.Ordinal);
        Assert.Equal(isPending, sequel.IsPending);
    }

    [Theory]
    [InlineData(InterceptionOutcome.Injected, "the #UD")]
    [InlineData(InterceptionOutcome.PageFault, "the page fault")]
    [InlineData(InterceptionOutcome.FetchFault, "the fault of the fetch")]
    public void A_guest_that_shuts_down_has_no_handler_that_took_it(InterceptionOutcome outcome, string fault)
    {
        ExitRecord end = new() { Sequence = 8, Processor = 1, Reason = ExitReason.Shutdown, Rip = s_patch.Rip };

        StoryStep sequel = StoryTeller.Tell(s_patch with { Outcome = outcome }, end, 64, InterceptionLevel.Trap).Steps[^1];

        Assert.Equal($"The guest could not take {fault}: it shut down", sequel.Title);
        Assert.Contains(sequel.Facts, fact => fact is { Name: "Exit", Value: "8" });
    }

    [Theory]
    [InlineData(0x0B0FUL, 2, 64, "They are ud2: no hypercall")]
    [InlineData(0xD5UL, 1, 64, "They are no instruction at all")]
    public void What_is_no_hypercall_is_called_by_its_name(ulong bytes, int length, int bits, string title)
    {
        Story story = StoryTeller.Tell(
            s_patch with { Outcome = InterceptionOutcome.InvalidOpcode, Bytes = bytes, Length = (byte)length, Before = 0, After = 0 }, null, bits, InterceptionLevel.Trap);

        Assert.StartsWith(title, story.Steps[2].Title, StringComparison.Ordinal);
        Assert.DoesNotContain(story.Steps, step => step.Id == "vendor");
    }

    [Fact]
    public void A_patch_before_a_reset_has_no_sequel_behind_it()
    {
        using TestMachine test = TestMachine.Create(Backend.Software, image =>
        {
            image.Code.mov(Iced.Intel.AssemblerRegisters.eax, 1);
            image.Code.vmmcall();
            image.Exit(0);
        });
        test.Machine.AddPausePoint(new PausePointOptions { Kind = PausePointKind.Patch, Once = true });
        test.Machine.Run();
        TestMachine.WaitFor(() => test.Machine.State == MachineState.Paused, "it paused at the patch");
        Story story = StoryTeller.Tell(test.Machine, null)!;
        Assert.True(story.IsPending);

        test.Machine.Reset();
        test.RunToEnd(expected: 1);

        Story same = StoryTeller.Tell(test.Machine, story.Exit.Sequence)!;
        Assert.Contains("is not known", same.Steps[^1].Text, StringComparison.Ordinal);
        Assert.Null(same.Next);
        Assert.False(same.IsPending);
    }

    [Fact]
    public void What_could_not_be_read_is_not_decoded()
    {
        Story story = StoryTeller.Tell(s_patch with { Outcome = InterceptionOutcome.FetchFault, Length = 0 }, null, 64, InterceptionLevel.Trap);

        Assert.Equal(["exit", "fetch", "sequel"], story.Steps.Select(step => step.Id));
    }

    [Fact]
    public void Any_other_exit_is_told_in_short()
    {
        Story story = StoryTeller.Tell(
            new ExitRecord { Sequence = 3, Reason = ExitReason.PortIo, Port = 0x3F8, Size = 1, IsWrite = true, Value0 = 0x41, Value1 = 1 }, null, 64, InterceptionLevel.Trap);

        Assert.Equal("Exit PortIo", story.Title);
        Assert.Contains("out 0x3F8", story.Steps[^1].Text, StringComparison.Ordinal);
    }
}
