using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hyperpatch.Engine.Machine.Frames;

namespace Hyperpatch.Web.Export;

/// <summary>Writes recorded exits as a file, a batch at a time: the whole of a long history is never in memory as text.</summary>
internal static class ExitExport
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };
    private static readonly byte[] s_newLine = "\n"u8.ToArray();

    /// <summary>The media type and the file's extension.</summary>
    public static (string ContentType, string Extension) Describe(ExportFormat format) => format switch
    {
        ExportFormat.Csv => ("text/csv; charset=utf-8", "csv"),
        ExportFormat.ChromeTrace => ("application/json", "trace.json"),
        _ => ("application/jsonl; charset=utf-8", "jsonl"),
    };

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
            ExportFormat.Csv => WriteCsvAsync(target, batches, cancellation),
            ExportFormat.ChromeTrace => WriteTraceAsync(target, machine, processors, batches, cancellation),
            _ => WriteLinesAsync(target, batches, cancellation),
        };

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

    private static async Task WriteCsvAsync(Stream target, IEnumerable<IReadOnlyList<ExitEvent>> batches, CancellationToken cancellation)
    {
        await using var writer = new StreamWriter(target, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\r\n" };
        await writer.WriteLineAsync("sequence,at,processor,reason,vendor,nativeCode,nativeName,rip,durationNs,outcome,policy,site,bytes,after,hypercall,result,port,detail".AsMemory(), cancellation);
        var line = new StringBuilder();
        foreach (IReadOnlyList<ExitEvent> batch in batches)
        {
            foreach (ExitEvent exit in batch)
            {
                line.Clear();
                line.Append(CultureInfo.InvariantCulture, $"{exit.Sequence},{Time(exit):O},{exit.Processor},{exit.Reason},{exit.Vendor},{exit.NativeCode},{exit.NativeName},{exit.Rip},{exit.DurationNs},");
                line.Append(CultureInfo.InvariantCulture, $"{exit.Outcome},{exit.Policy},{exit.Site},{exit.Bytes},{exit.After},{exit.Hypercall},{exit.Result},{exit.Port},");
                line.Append(Quote(exit.Detail));
                await writer.WriteLineAsync(line, cancellation);
            }

            await writer.FlushAsync(cancellation);
        }
    }

    private static async Task WriteTraceAsync(Stream target, string machine, int processors, IEnumerable<IReadOnlyList<ExitEvent>> batches, CancellationToken cancellation)
    {
        await using var writer = new Utf8JsonWriter(target);
        writer.WriteStartObject();
        writer.WriteString("displayTimeUnit", "ns");
        writer.WriteStartArray("traceEvents");
        WriteName(writer, "process_name", 0, machine);
        for (int i = 0; i < processors; i++)
        {
            WriteName(writer, "thread_name", i, string.Create(CultureInfo.InvariantCulture, $"vCPU {i}"));
        }

        foreach (IReadOnlyList<ExitEvent> batch in batches)
        {
            foreach (ExitEvent exit in batch)
            {
                WriteSlice(writer, exit);
            }

            await writer.FlushAsync(cancellation);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
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
        writer.WriteNumber("pid", 1);
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

    private static void WriteName(Utf8JsonWriter writer, string what, int thread, string name)
    {
        writer.WriteStartObject();
        writer.WriteString("name", what);
        writer.WriteString("ph", "M");
        writer.WriteNumber("pid", 1);
        writer.WriteNumber("tid", thread);
        writer.WriteStartObject("args");
        writer.WriteString("name", name);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static DateTimeOffset Time(ExitEvent exit) => DateTimeOffset.UnixEpoch.AddMilliseconds(exit.At);

    private static string Quote(string text) => text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
