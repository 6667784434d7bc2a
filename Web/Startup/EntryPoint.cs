using System.Runtime.InteropServices;
using Hyperpatch.Web.CommandLine;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Security;

namespace Hyperpatch.Web.Startup;

/// <summary>What the process does from its first line to its exit status.</summary>
internal static class EntryPoint
{
    /// <summary>Runs the program.</summary>
    public static async Task<int> RunAsync(string[] arguments)
    {
        bool guest = arguments is ["run", ..];
        using PosixSignalRegistration impatience = EndAtTheSecondInterrupt();
        try
        {
            var command = new ProgramCommand(RunGuestAsync, cancellation => ServeAsync(arguments, cancellation));
            return await command.InvokeAsync(arguments);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Standard output or error is closed, or its disk is full.
            TrySay($"Standard output or error cannot be written: {exception.GetBaseException().Message}");
            return guest ? RunExitCode.NotWritten : ServerExitCode.BadSettings;
        }
    }

    // The first Ctrl-C ends everything in order. Whoever presses it again has waited long enough.
    private static PosixSignalRegistration EndAtTheSecondInterrupt()
    {
        int count = 0;
        return PosixSignalRegistration.Create(PosixSignal.SIGINT, _ =>
        {
            if (Interlocked.Increment(ref count) > 1)
            {
                Environment.Exit(RunExitCode.Interrupted);
            }
        });
    }

    private static void TrySay(string line)
    {
        try
        {
            Console.Error.WriteLine(line.ReplaceLineEndings(" "));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // There is nobody left to tell; the exit status says it.
        }
    }

    private static async Task<int> ServeAsync(string[] arguments, CancellationToken cancellation)
    {
        try
        {
            await using HyperpatchApplication application = HyperpatchApplication.Create(arguments);
            await application.StartAsync(cancellation);
            await AnnounceAsync(application);
            await application.WaitForShutdownAsync(cancellation);
            return 0;
        }
        catch (SettingsException exception)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return ServerExitCode.BadSettings;
        }
    }

    private static async Task<int> RunGuestAsync(RunOptions options, CancellationToken cancellation)
    {
        try
        {
            await using Stream output = Console.OpenStandardOutput();

            // The first Ctrl-C asks the guest's run to end; the summary is still written.
            using var interrupted = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            void Interrupt(PosixSignalContext context)
            {
                context.Cancel = true;
                interrupted.Cancel();
            }

            using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
            using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
            return await new GuestRun(options, output, Console.Error).RunAsync(interrupted.Token);
        }
        catch (SettingsException exception)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return RunExitCode.NotStarted;
        }
    }

    // The operator's link comes last: it is what the person who typed the command looks for.
    private static async Task AnnounceAsync(HyperpatchApplication application)
    {
        if (application.Security.Mode == SecurityMode.None)
        {
            await Console.Out.WriteLineAsync($"Dashboard (no log-in, this machine only): {application.Address}");
            return;
        }

        await Console.Out.WriteLineAsync($"Viewers:   {application.LoginLink(AccessRole.Viewer)}");
        await Console.Out.WriteLineAsync($"Operators: {application.LoginLink(AccessRole.Operator)}");
    }
}
