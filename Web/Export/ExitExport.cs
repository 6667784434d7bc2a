using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Machines.Views;

namespace Hyperpatch.Web.Export;

/// <summary>Writes recorded exits as a file, a batch at a time: the whole of a long history is never in memory as text.</summary>
internal static class ExitExport
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };
    private static readonly byte[] s_newLine = "\n"u8.ToArray();

    /// <summary>Writes them.</summary>
    /// <param name="target">Where to.</param>
    /// <param name="format">How.</param>
    /// <param name="machine">Name of the machine.</param>
    /// <param name="processors">Its number of processors.</param>
    /// <param name="batches">The exits, oldest first.</param>
    /// <param name="cancellation">Ends it early.</param>
    public static Task WriteAsync(
        Stream target, ExportFormat format, string machine, int processors, IEnumerable<IReadOnlyList<ExitEvent>> batches, CancellationToken cancellation) => format switch
        {
            ExportFormat.Csv => TableExport.WriteAsync(target, format, machine, processors, Table(batches), cancellation),
            ExportFormat.ChromeTrace => WriteTraceAsync(target, machine, processors, batches, cancellation),
            _ => WriteLinesAsync(target, batches, cancellation),
        };

    // The time is a text: with its offset, as in every file of exits so far.
    private static ExportTable Table(IEnumerable<IReadOnlyList<ExitEvent>> batches) => new(
        [
            "sequence", "at", "processor", "reason", "vendor", "nativeCode", "nativeName", "rip", "durationNs", "outcome", "policy", "site", "bytes", "after",
            "hypercall", "result", "port", "detail",
        ],
        batches.SelectMany(batch => batch).Select(exit => (object?[])
        [
            exit.Sequence, Moments.OfUnixMs(exit.At).ToString("O", CultureInfo.InvariantCulture), exit.Processor, exit.Reason, exit.Vendor, exit.NativeCode,
            exit.NativeName, exit.Rip, exit.DurationNs, exit.Outcome, exit.Policy, exit.Site, exit.Bytes, exit.After, exit.Hypercall, exit.Result, exit.Port, exit.Detail,
        ]));

    private static async Task WriteLinesAsync(Stream target, IEnumerable<IReadOnlyList<ExitEvent>> batches, CancellationToken cancellation)
    {
        foreach (IReadOnlyList<ExitEvent> batch in batches)
        {
            using var buffer = new MemoryStream();
            foreach (ExitEvent exit in batch)
            {
                JsonSerializer.Serialize(buffer, exit, s_json);
                buffer.Write(s_newLine);
            }

            await target.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), cancellation);
        }
    }

    private static async Task WriteTraceAsync(Stream target, string machine, int processors, IEnumerable<IReadOnlyList<ExitEvent>> batches, CancellationToken cancellation)
    {
        await using var writer = new Utf8JsonWriter(target);
        TraceText.Begin(writer, machine, processors);
        foreach (IReadOnlyList<ExitEvent> batch in batches)
        {
            foreach (ExitEvent exit in batch)
            {
                WriteSlice(writer, exit);
            }

            await writer.FlushAsync(cancellation);
        }

        TraceText.End(writer);
    }

    // The format counts in microseconds; fractions keep the nanoseconds.
    private static void WriteSlice(Utf8JsonWriter writer, ExitEvent exit)
    {
        writer.WriteStartObject();
        writer.WriteString("name", exit.NativeName);
        writer.WriteString("cat", exit.Reason);
        writer.WriteString("ph", "X");
        writer.WriteNumber("ts", Math.Round((decimal)exit.At * 1000m, 3));
        writer.WriteNumber("dur", exit.DurationNs / 1000m);
        writer.WriteNumber("pid", TraceText.Process);
        writer.WriteNumber("tid", exit.Processor);
        writer.WriteStartObject("args");
        writer.WriteNumber("sequence", exit.Sequence);
        writer.WriteString("rip", exit.Rip);
        writer.WriteString("vendor", exit.Vendor);
        writer.WriteString("detail", exit.Detail);
        if (exit.Outcome is not null)
        {
            writer.WriteString("outcome", exit.Outcome);
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }
}
