using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hyperpatch.Engine.Hypercalls;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Machines.Views;

namespace Hyperpatch.Web.CommandLine;

/// <summary>What <c>run --summary FILE</c> writes.</summary>
internal sealed record RunSummary
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.Never,
    };

    /// <summary>The back end, or what was asked for where there was none.</summary>
    public required string Accelerator { get; init; }

    /// <summary>Whether the run repeats exactly.</summary>
    public required bool Deterministic { get; init; }

    /// <summary>The vendor that the guest saw last.</summary>
    public required string Vendor { get; init; }

    /// <summary>The policy.</summary>
    public required string Policy { get; init; }

    /// <summary>How it ended.</summary>
    public required ExitStatus Exit { get; init; }

    /// <summary>How long it ran, in milliseconds.</summary>
    public required double ElapsedMs { get; init; }

    /// <summary>The machine's own time, in nanoseconds; null where it has none, which is so unless the run repeats exactly.</summary>
    public ulong? MachineTimeNs { get; init; }

    /// <summary>Instructions that all processors executed; null where the back end does not count them.</summary>
    public long? Instructions { get; init; }

    /// <summary>How often instructions were met that exist but that the processor in software does not have, by name; empty where there were none.</summary>
    public required IReadOnlyDictionary<string, long> Unimplemented { get; init; }

    /// <summary>The processors' exits by reason.</summary>
    public required IReadOnlyList<ProcessorSummary> Processors { get; init; }

    /// <summary>Hypercalls served.</summary>
    public required HypercallSummary Hypercalls { get; init; }

    /// <summary>Bytes written at hypercall sites.</summary>
    public required long Patches { get; init; }

    /// <summary>#UD delivered to the guest.</summary>
    public required long InjectedUd { get; init; }

    /// <summary>The hypercall sites.</summary>
    public required IReadOnlyList<SiteSummary> Sites { get; init; }

    /// <summary>The summary of a machine that ran.</summary>
    public static RunSummary Of(VirtualMachine machine, MachineExit exit, TimeSpan elapsed)
    {
        CounterView counters = MachineViews.Counters(machine);
        var byNumber = new Dictionary<string, long>();
        for (int number = 0; number <= HypercallNumber.TableSize; number++)
        {
            if (MachineViews.CountOfHypercall(machine, number) is > 0 and var count)
            {
                byNumber[number < HypercallNumber.TableSize ? number.ToString(CultureInfo.InvariantCulture) : "other"] = count;
            }
        }

        return new RunSummary
        {
            Accelerator = machine.AcceleratorName,
            Deterministic = machine.Options.Deterministic,
            MachineTimeNs = machine.MachineTime,
            Vendor = machine.Vendor.Id,
            Policy = PolicyNames.Of(machine.Policy),
            Exit = new ExitStatus(exit.Reason, exit.Code),
            ElapsedMs = Math.Round(elapsed.TotalMilliseconds, 3),
            Instructions = machine.Processors[0].Instructions is null ? null : machine.Processors.Sum(processor => processor.Instructions),
            Unimplemented = machine.UnimplementedInstructions,
            Processors = [.. machine.Processors.Select(ProcessorDetail.Of).Select(processor => new ProcessorSummary(processor.Index, processor.Exits))],
            Hypercalls = new HypercallSummary(counters.Hypercalls, byNumber),
            Patches = counters.Patches,
            InjectedUd = counters.InjectedUd,
            Sites = [.. machine.Sites.All().Select(MachineViews.Site).Select(site => new SiteSummary(site.Address, site.Bytes, site.Calls, site.Patches))],
        };
    }

    /// <summary>The summary of a machine that could not be started.</summary>
    public static RunSummary Of(RunOptions options, string reason) =>
        Refused(options.Accelerator.ToString().ToLowerInvariant(), options.Deterministic, options.Vendor.Id, PolicyNames.Of(options.Policy), reason);

    /// <summary>The summary of a command line that cannot be used: what it did not say, or said wrong, is empty.</summary>
    public static RunSummary Of(string reason) => Refused("", false, "", "", reason);

    /// <summary>Writes it.</summary>
    public static Task WriteAsync(Stream target, RunSummary summary) => JsonSerializer.SerializeAsync(target, summary, s_json);

    /// <summary>Opens the file that the summary goes to.</summary>
    public static FileStream Open(FileInfo file)
    {
        // Without a buffer: a full disk is noticed where the summary is written, and not when the file is closed.
        ArgumentNullException.ThrowIfNull(file);
        return new FileStream(file.FullName, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, BufferSize = 0 });
    }

    private static RunSummary Refused(string accelerator, bool deterministic, string vendor, string policy, string reason) => new()
    {
        Accelerator = accelerator,
        Deterministic = deterministic,
        Vendor = vendor,
        Policy = policy,
        Exit = new ExitStatus(reason, RunExitCode.NotStarted),
        ElapsedMs = 0,
        Unimplemented = new Dictionary<string, long>(),
        Processors = [],
        Hypercalls = new HypercallSummary(0, new Dictionary<string, long>()),
        Patches = 0,
        InjectedUd = 0,
        Sites = [],
    };
}
