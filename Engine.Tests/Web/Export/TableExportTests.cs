using System.Text;
using System.Text.Json;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Export;

namespace Hyperpatch.Engine.Tests.Web.Export;

/// <summary>Tables in every format, with the worst that a guest could have written into them.</summary>
public sealed class TableExportTests
{
    private const string Worst = "=1+1\",\r\n\0\u001B]0;x\a</script>\uD800";
    private static readonly DateTimeOffset s_at = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly string[] s_bits = ["ZF", "=PF"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static ExportTable Table => new(["number", "at", "text", "set", "none"], [[-5, s_at, Worst, s_bits, null], [6L, s_at, "plain", Array.Empty<string>(), null]])
    {
        Trace = [new TraceEvent(Worst, "kind", s_at, 1, [new("text", Worst), new("number", 7), new("none", null)]), new TraceEvent("all", "kind", s_at, null, [])],
    };

    [Fact]
    public async Task Csv_has_a_header_and_cells_that_calculate_nothing()
    {
        List<string[]> rows = CsvReader.Read(await WriteAsync(ExportFormat.Csv, Table));
        Assert.Equal(["number", "at", "text", "set", "none"], rows[0]);
        Assert.Equal(["-5", "2026-01-02T03:04:05.0000000Z", "'=1+1\",\r\n\uFFFD\uFFFD]0;x\uFFFD</script>\uFFFD", "ZF =PF", ""], rows[1]);
        Assert.Equal(["6", "2026-01-02T03:04:05.0000000Z", "plain", "", ""], rows[2]);
    }

    [Fact]
    public async Task Json_lines_are_objects_of_what_is_there()
    {
        string[] lines = (await WriteAsync(ExportFormat.Jsonl, Table)).Split('\n');
        Assert.Equal((3, ""), (lines.Length, lines[2]));
        JsonElement first = JsonDocument.Parse(lines[0]).RootElement;
        Assert.Equal(-5, first.GetProperty("number").GetInt32());
        Assert.Equal(s_at, first.GetProperty("at").GetDateTimeOffset());
        Assert.Equal(Worst.Replace('\uD800', '\uFFFD'), first.GetProperty("text").GetString());
        Assert.Equal(s_bits, first.GetProperty("set").EnumerateArray().Select(bit => bit.GetString()));
        Assert.False(first.TryGetProperty("none", out _));
        Assert.DoesNotContain("</script>", lines[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_trace_has_names_and_moments()
    {
        JsonElement trace = JsonDocument.Parse(await WriteAsync(ExportFormat.ChromeTrace, Table)).RootElement;
        JsonElement[] events = [.. trace.GetProperty("traceEvents").EnumerateArray()];
        Assert.Equal(["M", "M", "M", "i", "i"], events.Select(one => one.GetProperty("ph").GetString()));
        Assert.Equal("a \"machine\"", events[0].GetProperty("args").GetProperty("name").GetString());
        Assert.Equal(("t", 1, 1_767_323_045_000_000m), (events[3].GetProperty("s").GetString(), events[3].GetProperty("tid").GetInt32(), events[3].GetProperty("ts").GetDecimal()));
        Assert.Equal(7, events[3].GetProperty("args").GetProperty("number").GetInt32());
        Assert.Equal("p", events[4].GetProperty("s").GetString());
    }

    [Theory]
    [InlineData(ExportFormat.Csv)]
    [InlineData(ExportFormat.Jsonl)]
    [InlineData(ExportFormat.ChromeTrace)]
    internal async Task A_long_table_is_sent_while_it_is_read(ExportFormat format)
    {
        using Sink sink = new();
        long worst = 0;
        long made = 0;
        ExportTable table = new(["text"], Endless(() => (object?[])["0123456789"])) { Trace = Endless(() => new TraceEvent("0123456789", "kind", s_at, 0, [])) };
        await TableExport.WriteAsync(sink, format, "m", 1, table, Cancellation);
        Assert.InRange(sink.Written, made, long.MaxValue);
        Assert.InRange(worst, 1, 256 * 1024);

        // What was made and is not sent yet: at least ten bytes a row.
        IEnumerable<T> Endless<T>(Func<T> make)
        {
            for (int i = 0; i < 200_000; i++)
            {
                made += 10;
                worst = Math.Max(worst, made - sink.Written);
                yield return make();
            }
        }
    }

    [Fact]
    public async Task Recorded_exits_are_guarded_too()
    {
        using MemoryStream target = new();
        ExitEvent exit = new()
        {
            Sequence = 1, At = 1000.5, Processor = 0, Reason = "Hypercall", NativeName = "-VMCALL", NativeCode = 18, Vendor = "intel", Rip = "0x1000", Detail = Worst,
            DurationNs = 700, Outcome = "@patched", Policy = "+force", Site = "0x1000", Bytes = "0F 01 C1", After = "0F 01 D9", Hypercall = 5, Result = -1000, Port = null,
        };
        await ExitExport.WriteAsync(target, ExportFormat.Csv, "m", 1, [[exit]], Cancellation);
        List<string[]> rows = CsvReader.Read(Encoding.UTF8.GetString(target.ToArray()));
        Dictionary<string, string> cells = rows[0].Zip(rows[1]).ToDictionary(pair => pair.First, pair => pair.Second);
        Assert.Equal(("-1000", "5", "18", ""), (cells["result"], cells["hypercall"], cells["nativeCode"], cells["port"]));
        Assert.Equal(("'-VMCALL", "'@patched", "'+force", "0F 01 C1"), (cells["nativeName"], cells["outcome"], cells["policy"], cells["bytes"]));
        Assert.StartsWith("'=1+1\",\r\n", cells["detail"], StringComparison.Ordinal);
    }

    private static async Task<string> WriteAsync(ExportFormat format, ExportTable table)
    {
        using MemoryStream target = new();
        await TableExport.WriteAsync(target, format, "a \"machine\"", 2, table, Cancellation);
        return Encoding.UTF8.GetString(target.ToArray());
    }

    private sealed class Sink : MemoryStream
    {
        public long Written { get; private set; }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Written += buffer.Length;
            return ValueTask.CompletedTask;
        }

        public override void Write(ReadOnlySpan<byte> buffer) => Written += buffer.Length;

        public override void Write(byte[] buffer, int offset, int count) => Written += count;
    }
}
