using System.Text;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Loading;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Guests.Loading;
using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Web.Components.Pages;
using Hyperpatch.Web.Machines.Assembling;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>The host's assembler: what it makes of a source, what it says, and what it never does.</summary>
public sealed class AssemblerTests
{
    private const string Secret = "hyperpatch-secret-word";

    private static string SearchPath => Environment.GetEnvironmentVariable("PATH") ?? "";

    public static MatrixTheoryData<Backend, string> Examples => Backends.With(EditorExample.All.Select(example => example.Name));

    [Theory, MemberData(nameof(Examples))]
    public async Task Every_example_does_what_it_says(Backend backend, string name)
    {
        EditorExample example = EditorExample.Find(name)!;
        AssemblyOutcome outcome = await AssembleAsync(example.Source);
        Assert.Empty(outcome.Errors);
        var guest = ImageGuest.Read(name, outcome.Program!.Value);
        using TestMachine machine = TestMachine.Create(
            backend, guest.Build(new GuestBuildOptions(example.Processors, 4 << 20, "")), options: new VirtualMachineOptions { MemoryMiB = 4 });
        machine.RunToEnd(expected: name == "undefined" ? 7 : 0);
        switch (name)
        {
            case "serial":
                Assert.Equal("Hello from the editor\n", machine.Serial);
                break;
            case "undefined":
                Assert.StartsWith("panic: #UD at 0x1000", machine.Serial, StringComparison.Ordinal);
                break;
            default:
                Assert.Equal("", machine.Serial);
                Assert.Equal("0F 01 C1", Convert.ToHexString(Bytes(machine, Assert.Single(machine.Machine.Sites.All()).Linear)).Insert(4, " ").Insert(2, " "));
                break;
        }
    }

    [Theory]
    [InlineData("mov eax, 1\nvmcall\nhlt", AssemblySyntax.Intel, "B801000000" + "0F01C1" + "F4")]
    [InlineData("mov $1, %eax\r\nvmmcall\r\nhlt\r\n", AssemblySyntax.Att, "B801000000" + "0F01D9" + "F4")]
    [InlineData("lea rax, [rip+x]\n.data\nx: .byte 7", AssemblySyntax.Intel, "488D0500000000" + "07")]
    [InlineData("nop\n.globl _start\n_start: mov rax, offset _start", AssemblySyntax.Intel, "90" + "48C7C001001000")]
    public async Task A_source_becomes_bytes(string source, AssemblySyntax syntax, string bytes)
    {
        AssemblyOutcome outcome = await AssembleAsync(source, syntax);
        Assert.Empty(outcome.Errors);
        var guest = ImageGuest.Read("program", outcome.Program!.Value);
        Assert.Equal(ImageFiles.Address, guest.Content[0].Address);
        Assert.Equal(bytes, Convert.ToHexString(guest.Content[0].Bytes.Span));
        Assert.Equal(ImageFiles.Address + (source.Contains("_start:", StringComparison.Ordinal) ? 1UL : 0), guest.Entry);
    }

    [Theory]
    [InlineData("nop\n\nbad rax\nmov eax", 3, "no such instruction")]
    [InlineData("nop\npush eax, ebx", 2, "mismatch")]
    [InlineData("nop\ncall nowhere", 2, "undefined reference to `nowhere'")]
    [InlineData("nop\ncall \"((f(+0x1\"", 2, "undefined reference to `((f(+0x1'")]
    [InlineData("x:\nnop\nx:", 3, "already defined")]
    [InlineData(".macro m\nbad\n.endm\nnop\nm", 2, "no such instruction")]
    [InlineData("# 7 \"/etc/passwd\"\nbad", null, "no such instruction")]
    [InlineData("", null, "nothing to assemble")]
    [InlineData("nop\0", null, "zero characters")]
    [InlineData("hlt\n.section .elsewhere,\"ax\"\n.org 0x40000000", null, "")]
    [InlineData(".rept 100000000\nnop\n.endr", null, "")]
    [InlineData(".fill 100000000", null, "4 MiB")]
    public async Task A_mistake_is_told_at_its_line(string source, int? line, string part)
    {
        AssemblyOutcome outcome = await AssembleAsync(source);
        Assert.Null(outcome.Program);
        AssemblyError first = outcome.Errors[0];
        Assert.True(line is null || first.Line == line, $"Line {first.Line}: {first.Message}");
        Assert.Contains(part, first.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hyperpatch-", first.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_long_source_is_refused()
    {
        AssemblyOutcome outcome = await AssembleAsync(new string('#', GnuAssembler.MaximumSource + 1));
        Assert.Contains("at most 15000", Assert.Single(outcome.Errors).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(".incbin \"{0}\"")]
    [InlineData(".INCLUDE \"{0}\"")]
    [InlineData("nop; .incbin \"{0}\"")]
    [InlineData(".macro x a\n.inc\\a \"{0}\"\n.endm\nx bin")]
    [InlineData(".macro x a\n.inc\\a \"{0}\"\n.endm\nx lude")]
    [InlineData(".macro x a\n.inc\\a \"{0}\"\n.endm\nnop\n.end\nx bin")]
    [InlineData(".irp a,bin,lude\n.inc\\a \"{0}\"\n.endr")]
    [InlineData(".altmacro\n.macro x a b\n.&a&b \"{0}\"\n\\a\\b \"{0}\"\n.endm\nx .inc bin")]
    [InlineData(".macro x a\n.inc\\a \"{0}\"\n.rept 1\n.inc\\a \"{0}\"\n.endr\n.endm\nx bin\n/* open")]
    [InlineData(".macro x a\n.inc\\a \"{0}\n.endm\nx bin")]
    [InlineData("# 1 \"{0}\"\nbad\n.file \"{0}\"\n.line 1\nbad")]
    [InlineData(".file 1 \"{0}\"\n.loc 1 1\nnop\ncall nowhere")]
    [InlineData(".section .gnu_debuglink\n.asciz \"{0}\"\n.text\ncall nowhere")]
    public async Task No_source_reads_a_file_of_the_host(string form)
    {
        string secret = Path.Combine(Path.GetTempPath(), $"hyperpatch-test-{Guid.NewGuid():N}");
        await File.WriteAllTextAsync(secret, Secret + "\n", TestContext.Current.CancellationToken);
        try
        {
            // With namespaces of its own where there are any, and without: the limits alone have to do.
            using var withoutNamespaces = new ToolLinks("as", "ld", "prlimit");
            foreach (string path in new[] { SearchPath, withoutNamespaces.Folder })
            {
                AssemblyOutcome outcome = await AssembleAsync(string.Format(System.Globalization.CultureInfo.InvariantCulture, form, secret), path: path);
                Assert.DoesNotContain(Secret, string.Join('\n', outcome.Errors), StringComparison.Ordinal);
                Assert.DoesNotContain(Secret, Encoding.Latin1.GetString((outcome.Program ?? ReadOnlyMemory<byte>.Empty).Span), StringComparison.Ordinal);
                Assert.True(outcome.Errors.Count > 0 || form.Contains(".end\n", StringComparison.Ordinal));
            }
        }
        finally
        {
            File.Delete(secret);
        }
    }

    [Fact]
    public async Task Refused_directives_are_named_with_their_line()
    {
        AssemblyOutcome outcome = await AssembleAsync("nop\n .incbin \"x\"\n.include \"y\"");
        Assert.Equal([2, 3], outcome.Errors.Select(error => error.Line));
        Assert.Contains(".incbin is refused", outcome.Errors[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task More_sources_than_a_few_at_once_are_refused_and_later_ones_taken()
    {
        using var assembler = new GnuAssembler(SearchPath);
        AssemblerAvailability answer = await assembler.CheckAsync();
        Assert.SkipUnless(answer.IsAvailable, answer.Text);
        Task<AssemblyOutcome>[] all = [.. Enumerable.Range(0, 10 * GnuAssembler.MostAtOnce).Select(_ => assembler.AssembleAsync("hlt", AssemblySyntax.Intel))];
        await Task.WhenAll(all).ContinueWith(_ => { }, TaskScheduler.Default);
        Assert.All(all, one => Assert.True(one.IsCompletedSuccessfully || one.Exception?.InnerException is AssemblerBusyException));
        Assert.Contains(all, one => one.IsFaulted);
        Assert.True(all.Count(one => one.IsCompletedSuccessfully) >= GnuAssembler.MostAtOnce);
        Assert.Empty((await assembler.AssembleAsync("hlt", AssemblySyntax.Intel)).Errors);
    }

    [Fact]
    public async Task Nothing_is_left_behind()
    {
        string[] before = Directory.GetDirectories(Path.GetTempPath(), "hyperpatch-*");
        _ = await AssembleAsync("nop");
        _ = await AssembleAsync("bad");
        _ = await AssembleAsync(".fill 100000000");
        string[] made = [.. Directory.GetDirectories(Path.GetTempPath(), "hyperpatch-*").Except(before)];

        // Other tests assemble at the same time, and theirs go a moment later: what stays is what counts.
        await Patience.UntilAsync("the folders are gone", () => Task.FromResult(!made.Any(Directory.Exists)));
    }

    [Fact]
    public async Task Without_an_assembler_it_says_what_to_install()
    {
        using var assembler = new GnuAssembler("/nonexistent");
        AssemblerAvailability answer = await assembler.CheckAsync();
        Assert.False(answer.IsAvailable);
        Assert.Contains(OperatingSystem.IsLinux() ? "binutils" : "Linux", answer.Text, StringComparison.Ordinal);
        await Assert.ThrowsAsync<InvalidOperationException>(() => assembler.AssembleAsync("nop", AssemblySyntax.Intel));
    }

    /// <summary>Assembles; skips the test, with the reason, where nothing can be assembled.</summary>
    private static async Task<AssemblyOutcome> AssembleAsync(string source, AssemblySyntax syntax = AssemblySyntax.Intel, string? path = null)
    {
        using var assembler = new GnuAssembler(path ?? SearchPath);
        AssemblerAvailability answer = await assembler.CheckAsync();
        Assert.SkipUnless(answer.IsAvailable, answer.Text);
        return await assembler.AssembleAsync(source, syntax);
    }

    private static byte[] Bytes(TestMachine machine, ulong physical)
    {
        byte[] bytes = new byte[3];
        Assert.True(machine.Machine.TryReadMemory(physical, bytes));
        return bytes;
    }
}
