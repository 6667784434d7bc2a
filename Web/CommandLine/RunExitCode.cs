namespace Hyperpatch.Web.CommandLine;

/// <summary>Exit statuses of <c>run</c>. Any other is what the guest wrote to port 0xF4.</summary>
internal static class RunExitCode
{
    /// <summary>The guest halted for good.</summary>
    public const int Halted = 0;

    /// <summary>The time limit was reached.</summary>
    public const int TimedOut = 124;

    /// <summary>The machine could not be started.</summary>
    public const int NotStarted = 125;

    /// <summary>A triple fault, or an error inside the guest's execution.</summary>
    public const int GuestFailed = 126;

    /// <summary>The status for a value that the guest wrote to the debug exit port.</summary>
    public static int FromDebugExit(uint value) => (int)(((value << 1) | 1) & 0xFF);
}
