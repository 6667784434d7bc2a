using System.Diagnostics;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Loading;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Vendors;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Machines;

namespace Hyperpatch.Web.CommandLine;

/// <summary>Carries out <c>run GUEST</c>: one machine, no web server.</summary>
internal sealed class GuestRun(RunOptions options, Stream output, TextWriter log)
{
    // Short enough that the serial port's 64 KiB do not fill up meanwhile, long enough to leave the processors to the guest.
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(5);

    // Far more than a processor needs that is not held up by its host.
    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(5);

    private long _serialPosition;
    private long _timelinePosition;

    /// <summary>Runs the guest to its end, the time limit or the person's.</summary>
    /// <returns>The process's exit status.</returns>
    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        await using FileStream? summary = OpenSummary(out string? failure);
        if (failure is not null)
        {
            return await RefuseAsync(null, failure);
        }

        MachineGuest guest;
        try
        {
            guest = GuestFile.Find(options.Guest, options.Image);
        }
        catch (GuestImageException exception)
        {
            return await RefuseAsync(summary, exception.Message);
        }

        using var accelerators = new AcceleratorSet(EngineOptions.Read(RunConfiguration.Load()));
        IAccelerator accelerator = accelerators.Select(options.Accelerator, options.Deterministic);
        try
        {
            using var machine = new VirtualMachine("run", Options(guest), guest, accelerator);
            return await RunAsync(machine, summary, cancellation);
        }
        catch (Exception exception) when (exception is MachineOptionException or AcceleratorException)
        {
            return await RefuseAsync(summary, exception.Message);
        }
    }

    private async Task<int> RunAsync(VirtualMachine machine, FileStream? summary, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        machine.Run();
        MachineExit? end = null;
        while (end is null)
        {
            await Task.Delay(s_look, CancellationToken.None);

            // The state first: what was written before it changed is then seen below.
            bool over = machine.State is MachineState.Stopped or MachineState.Failed;
            await FollowAsync(machine);
            end = over ? machine.Exit
                : cancellation.IsCancellationRequested ? new MachineExit("interrupted", RunExitCode.Interrupted)
                : Stopwatch.GetElapsedTime(start) >= options.Timeout ? new MachineExit($"time limit of {options.Timeout.TotalSeconds:0} s reached", RunExitCode.TimedOut)
                : null;
        }

        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        try
        {
            machine.Pause();
        }
        catch (MachineStateException)
        {
            // It is over already, and at rest in a moment: what the summary tells must be whole.
            for (long since = Stopwatch.GetTimestamp(); !machine.IsAtRest && Stopwatch.GetElapsedTime(since) < s_rest;)
            {
                await Task.Delay(1, CancellationToken.None);
            }
        }

        await FollowAsync(machine);
        await log.WriteLineAsync($"{options.Guest}: {end.Reason} (status {end.Code})");
        if (summary is not null)
        {
            try
            {
                await RunSummary.WriteAsync(summary, RunSummary.Of(machine, end, elapsed));
            }
            catch (IOException exception)
            {
                await log.WriteLineAsync($"Option --summary: {exception.Message}".ReplaceLineEndings(" "));
                return RunExitCode.NotWritten;
            }
        }

        return end.Code;
    }

    // Serial output and timeline since the last look.
    private async Task FollowAsync(VirtualMachine machine)
    {
        byte[] written = machine.Serial.ReadOutput(_serialPosition, out _serialPosition);
        if (written.Length > 0)
        {
            await output.WriteAsync(written);
            await output.FlushAsync();
        }

        foreach (TimelineEntry entry in machine.Timeline.Read(_timelinePosition))
        {
            _timelinePosition = entry.Sequence;
            await log.WriteLineAsync($"{entry.At:HH:mm:ss.fff} {entry.Text}");
        }
    }

    private VirtualMachineOptions Options(MachineGuest guest) => new()
    {
        Name = guest.Name,
        Vendor = options.Vendor,
        Policy = options.Policy,
        Processors = options.Processors,
        MemoryMiB = options.MemoryMiB,
        CommandLine = options.CommandLine,
        Deterministic = options.Deterministic,
        InterceptControlRegisters = options.InterceptControlRegisters,
        SwitchVendorAfter = options.SwitchVendorAfter,

        // Nobody watches frames here; the pump that makes them is also what sees that a guest has halted for good.
        FramesPerSecond = 20,
    };

    // Opened before anything runs: a summary that cannot be written is an error of the command line.
    private FileStream? OpenSummary(out string? failure)
    {
        failure = null;
        if (options.Summary is null)
        {
            return null;
        }

        try
        {
            return RunSummary.Open(options.Summary);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            failure = $"Option --summary: {exception.Message}";
            return null;
        }
    }

    private async Task<int> RefuseAsync(FileStream? summary, string reason)
    {
        await log.WriteLineAsync(reason.ReplaceLineEndings(" "));
        if (summary is not null)
        {
            try
            {
                await RunSummary.WriteAsync(summary, RunSummary.Of(options, reason));
            }
            catch (IOException)
            {
                // The status says already that nothing was run, and the line above why.
            }
        }

        return RunExitCode.NotStarted;
    }
}
