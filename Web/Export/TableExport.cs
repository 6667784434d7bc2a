using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Hyperpatch.Web.Export;

/// <summary>Writes a table as a file: CSV, a JSON object a line, or a trace. A part at a time: a long table is never in memory as text.</summary>
internal static class TableExport
{
    private const int FlushAt = 32 * 1024;
    private static readonly byte[] s_newLine = "\n"u8.ToArray();

    /// <summary>Writes it.</summary>
    /// <param name="target">Where to.</param>
    /// <param name="format">How. A trace takes a table with <see cref="ExportTable.Trace"/>.</param>
    /// <param name="machine">Name of the machine, for a trace.</param>
    /// <param name="processors">Its number of processors, likewise.</param>
    /// <param name="table">The table.</param>
    /// <param name="cancellation">Ends it early.</param>
    public static Task WriteAsync(Stream target, ExportFormat format, string machine, int processors, ExportTable table, CancellationToken cancellation) => format switch
    {
        ExportFormat.Csv => WriteCsvAsync(target, table, cancellation),
        ExportFormat.ChromeTrace => WriteTraceAsync(target, machine, processors, table.Trace ?? [], cancellation),
        _ => WriteLinesAsync(target, table, cancellation),
    };

    private static async Task WriteCsvAsync(Stream target, ExportTable table, CancellationToken cancellation)
    {
        await using var writer = new StreamWriter(target, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\r\n" };
        var line = new StringBuilder();
        await writer.WriteLineAsync(line.AppendCells(table.Columns), cancellation);
        int unsent = 0;
        foreach (object?[] row in table.Rows)
        {
            await writer.WriteLineAsync(line.Clear().AppendCells(row), cancellation);
            unsent += line.Length;
            if (unsent >= FlushAt)
            {
                unsent = 0;
                await writer.FlushAsync(cancellation);
            }
        }
    }

    private static async Task WriteLinesAsync(Stream target, ExportTable table, CancellationToken cancellation)
    {
        var buffer = new ArrayBufferWriter<byte>(FlushAt);
        await using var writer = new Utf8JsonWriter(buffer);
        foreach (object?[] row in table.Rows)
        {
            writer.WriteStartObject();
            for (int column = 0; column < row.Length; column++)
            {
                if (row[column] is { } value)
                {
                    writer.WritePropertyName(table.Columns[column]);
                    JsonCell.Write(writer, value);
                }
            }

            writer.WriteEndObject();
            await writer.FlushAsync(cancellation);
            writer.Reset();
            buffer.Write(s_newLine);
            if (buffer.WrittenCount >= FlushAt)
            {
                await target.WriteAsync(buffer.WrittenMemory, cancellation);
                buffer.ResetWrittenCount();
            }
        }

        await target.WriteAsync(buffer.WrittenMemory, cancellation);
    }

    private static async Task WriteTraceAsync(Stream target, string machine, int processors, IEnumerable<TraceEvent> moments, CancellationToken cancellation)
    {
        await using var writer = new Utf8JsonWriter(target);
        TraceText.Begin(writer, machine, processors);
        foreach (TraceEvent moment in moments)
        {
            TraceText.WriteInstant(writer, moment);
            if (writer.BytesPending >= FlushAt)
            {
                await writer.FlushAsync(cancellation);
            }
        }

        TraceText.End(writer);
    }
}
