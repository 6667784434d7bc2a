namespace Hyperpatch.Web.CommandLine;

/// <summary>Exit statuses of <c>run</c>. Others come from the guest: 0 when it halted for good, else what it wrote to port 0xF4.</summary>
internal static class RunExitCode
{
    /// <summary>The time limit was reached.</summary>
    public const int TimedOut = 124;

    /// <summary>A person ended it (128 + SIGINT, as shells have it).</summary>
    public const int Interrupted = 130;

    /// <summary>The machine could not be started.</summary>
    public const int NotStarted = 125;

    /// <summary>The guest ran, but what it said, or the summary, could not be written.</summary>
    public const int NotWritten = 126;

    /// <summary>A triple fault, or an error inside the guest's execution.</summary>
    public const int GuestFailed = 126;
}
