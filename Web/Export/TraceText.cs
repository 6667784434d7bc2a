using System.Globalization;
using System.Text.Json;

namespace Hyperpatch.Web.Export;

/// <summary>
/// Parts of a file of trace events (Trace Event Format, as chrome://tracing and Perfetto read it): the machine is the process, its
/// processors are threads. Times are microseconds; fractions keep the nanoseconds.
/// </summary>
internal static class TraceText
{
    /// <summary>The machine's number as a process.</summary>
    public const int Process = 1;

    /// <summary>Begins the file, with the names of the machine and its processors.</summary>
    public static void Begin(Utf8JsonWriter writer, string machine, int processors)
    {
        writer.WriteStartObject();
        writer.WriteString("displayTimeUnit", "ns");
        writer.WriteStartArray("traceEvents");
        WriteName(writer, "process_name", 0, machine);
        for (int i = 0; i < processors; i++)
        {
            WriteName(writer, "thread_name", i, string.Create(CultureInfo.InvariantCulture, $"vCPU {i}"));
        }
    }

    /// <summary>Ends it.</summary>
    public static void End(Utf8JsonWriter writer)
    {
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <summary>Writes a moment (phase i): of its processor, or of the whole machine.</summary>
    public static void WriteInstant(Utf8JsonWriter writer, TraceEvent moment)
    {
        writer.WriteStartObject();
        writer.WriteString("name", moment.Name);
        writer.WriteString("cat", moment.Category);
        writer.WriteString("ph", "i");
        writer.WriteString("s", moment.Processor is null ? "p" : "t");
        writer.WriteNumber("ts", (moment.At.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / (decimal)TimeSpan.TicksPerMicrosecond);
        writer.WriteNumber("pid", Process);
        writer.WriteNumber("tid", moment.Processor ?? 0);
        writer.WriteStartObject("args");
        foreach ((string name, object? value) in moment.Arguments)
        {
            if (value is not null)
            {
                writer.WritePropertyName(name);
                JsonCell.Write(writer, value);
            }
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteName(Utf8JsonWriter writer, string what, int thread, string name)
    {
        writer.WriteStartObject();
        writer.WriteString("name", what);
        writer.WriteString("ph", "M");
        writer.WriteNumber("pid", Process);
        writer.WriteNumber("tid", thread);
        writer.WriteStartObject("args");
        writer.WriteString("name", name);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }
}
