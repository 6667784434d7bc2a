using System.Diagnostics;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Vendors;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Inspection;
using Hyperpatch.Web.Machines.Stepping;
using Hyperpatch.Web.Machines.Views;

namespace Hyperpatch.Web.Export;

/// <summary>The tables of a machine that can be had as files. Recorded exits, of which there may be a million, are <see cref="ExitExport"/>'s.</summary>
internal static class MachineTables
{
    /// <summary>The recorded exits.</summary>
    public const string Exits = "exits";

    /// <summary>What happened at hypercall sites: at one, or at all.</summary>
    public const string History = "history";

    /// <summary>The most seconds that rates are kept for.</summary>
    public const int MostSeconds = RateHistory.CoarseStep * RateHistory.CoarseCapacity;

    private static readonly string[] s_registers =
    [
        "RIP", "RAX", "RBX", "RCX", "RDX", "RSI", "RDI", "RSP", "RBP", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15", "RFLAGS", "CS", "DS", "ES", "SS", "FS base", "GS base",
        "CR0", "CR2", "CR3", "CR4", "CR8", "EFER",
    ];

    // In the order in which the API's description names them.
    private static readonly (string Name, Func<MachineTableRequest, ExportTable> Make)[] s_tables =
    [
        ("rates", of => Rates(of.Machine.Machine, of.Seconds ?? MostSeconds)),
        ("reasons", of => Reasons(of.Machine.Machine)),
        ("sites", of => Sites(of.Machine.Machine)),
        (History, of => Histories(of.Machine.Machine, of.Site)),
        ("hypercalls", of => LatencyTables.Hypercalls(of.Machine.Machine.LatestFrame?.Hypercalls ?? [])),
        ("latency", of => LatencyTables.Percentiles(Times(of))),
        ("latency-histogram", of => LatencyTables.Histograms(Times(of))),
        ("latency-history", of => LatencyTables.HeatMap(Columns(of))),
        ("processors", of => Processors(of.Machine.Machine)),
        ("timeline", of => Timeline(of.Machine.Machine)),
        ("points", of => Points(of.Machine.Machine)),
        ("steps", of => Steps(of.Machine)),
    ];

    /// <summary>Names of all tables.</summary>
    public static IReadOnlyList<string> Names { get; } = [Exits, .. s_tables.Select(table => table.Name)];

    /// <summary>Names of the tables whose rows have a time.</summary>
    public static IReadOnlyList<string> Traced { get; } = [Exits, History, "timeline"];

    /// <summary>Makes a table.</summary>
    /// <param name="name">One of <see cref="Names"/>, but for exits.</param>
    /// <param name="request">What it is to be about.</param>
    /// <exception cref="InvalidOperationException">The name is not one of them.</exception>
    public static ExportTable Make(string name, MachineTableRequest request) => s_tables.First(table => table.Name == name).Make(request);

    private static ExportTable Rates(VirtualMachine machine, int seconds)
    {
        ExitReason[] reasons = [.. Enum.GetValues<ExitReason>().Where(reason => reason.IsTold())];
        long from = Stopwatch.GetTimestamp() - (seconds * Stopwatch.Frequency);
        return new ExportTable(
            ["at", "vendor", .. reasons.Select(reason => reason.Name())],
            machine.Rates.Read().Where(sample => sample.Timestamp >= from).Select(sample => (object?[])
                [Moments.Of(sample.Timestamp), CpuVendor.All[sample.Vendor].Id, .. reasons.Select(reason => (object?)Math.Round((double)sample.Rates[(int)reason], 2))]));
    }

    private static ExportTable Reasons(VirtualMachine machine) => new(
        ["reason", "nativeName", "nativeCode", "count", "p50Ns", "p99Ns"],
        MachineViews.Reasons(machine).Select(view => (object?[])[view.Reason, view.NativeName, view.NativeCode, view.Count, view.P50Ns, view.P99Ns]));

    private static ExportTable Sites(VirtualMachine machine) => new(
        ["site", "address", "physical", "bytes", "instruction", "calls", "patches", "attempts", "lastVendor"],
        machine.Sites.All().Select(site => (MachineViews.Site(site), site.Physical)).Select(pair => (object?[])
        [
            pair.Item1.Id, pair.Item1.Address, ExitEvents.Hex(pair.Physical), pair.Item1.Bytes, pair.Item1.Instruction, pair.Item1.Calls, pair.Item1.Patches, pair.Item1.Attempts, pair.Item1.LastVendor,
        ]));

    private static ExportTable Histories(VirtualMachine machine, HypercallSite? one)
    {
        IEnumerable<HypercallSite> sites = one is null ? machine.Sites.All() : [one];
        IEnumerable<(HypercallSite Site, SiteEvent Line)> lines = sites.SelectMany(site => site.History, (site, line) => (site, SiteEvent.Of(line)));
        return new ExportTable(
            ["site", "address", "at", "processor", "from", "to", "policy", "vendor", "outcome", "epoch", "count"],
            lines.Select(pair => (object?[])
            [
                pair.Site.Id, ExitEvents.Hex(pair.Site.Linear), pair.Line.At, pair.Line.Processor, pair.Line.From, pair.Line.To, pair.Line.Policy, pair.Line.Vendor, pair.Line.Outcome,
                pair.Line.Epoch, pair.Line.Count,
            ]))
        {
            Trace = lines.Select(pair => new TraceEvent($"{pair.Line.Outcome} at {ExitEvents.Hex(pair.Site.Linear)}", "site", pair.Line.At, pair.Line.Processor,
            [
                new("site", pair.Site.Id), new("from", pair.Line.From), new("to", pair.Line.To), new("policy", pair.Line.Policy), new("vendor", pair.Line.Vendor),
                new("epoch", pair.Line.Epoch), new("count", pair.Line.Count),
            ])),
        };
    }

    private static ExportTable Processors(VirtualMachine machine) => new(
        ["processor", "state", "exits", "codeBits", "cpl", .. s_registers],
        machine.Processors.Select(processor =>
        {
            ProcessorSnapshot? shot = processor.Snapshot;
            Dictionary<string, RegisterValue> registers = shot is null ? [] : RegisterValue.Of(shot).ToDictionary(register => register.Name);
            return (object?[])
            [
                processor.Index, MachineViews.Name(processor.State), processor.Journal.Count, shot?.CodeBits, shot?.Cpl,
                .. s_registers.Select(name => registers.TryGetValue(name, out RegisterValue register) ? ExitEvents.Hex(register.Value) : null),
            ];
        }));

    private static ExportTable Timeline(VirtualMachine machine)
    {
        IReadOnlyList<TimelineEntry> entries = machine.Timeline.Read();
        return new ExportTable(
            ["sequence", "at", "kind", "text"], entries.Select(entry => (object?[])[entry.Sequence, entry.At, entry.Kind, entry.Text]))
        {
            Trace = entries.Select(entry => new TraceEvent(entry.Text, entry.Kind, entry.At, null, [new("sequence", entry.Sequence)])),
        };
    }

    private static ExportTable Points(VirtualMachine machine) => new(
        ["point", "kind", "text", "address", "reason", "number", "processor", "once", "hits"],
        machine.PausePoints.Select(PausePointView.Of).Select(point => (object?[])
            [point.Id, point.Kind, point.Text, point.Address, point.Reason, point.Number, point.Processor, point.Once, point.Hits]));

    // A row a register that changed; a step that changed none has a row all the same. Values have 0x: a spreadsheet would calculate with 1E5.
    private static ExportTable Steps(ManagedMachine machine) => new(
        ["step", "processor", "address", "bytes", "instruction", "register", "before", "after", "set", "cleared"],
        machine.Steps.Steps.SelectMany(step => step.Changes.DefaultIfEmpty(), (step, change) => (object?[])
        [
            step.Number, step.Processor, step.Address, step.Bytes, step.Instruction, change?.Name, Marked(change?.Before), Marked(change?.After), change?.Set, change?.Cleared,
        ]));

    private static IReadOnlyList<LatencyView> Times(MachineTableRequest of) => of.Seconds is { } seconds
        ? LatencyViews.Lately(of.Machine.Machine, TimeSpan.FromSeconds(seconds), of.Reason)
        : LatencyViews.SinceStart(of.Machine.Machine, of.Reason);

    private static IReadOnlyList<LatencyColumn> Columns(MachineTableRequest of)
    {
        TimeSpan span = of.Seconds is { } seconds ? TimeSpan.FromSeconds(seconds) : LatencyHistory.Longest;
        return of.Machine.Machine.Latency.Read(span, LatencyViews.Begin(span), of.Reason);
    }

    private static string? Marked(string? digits) => digits is null ? null : "0x" + digits;
}
