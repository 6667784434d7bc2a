using System.Globalization;

namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>
/// Assembles a source with the host's GNU assembler and links it to a program for 1 MiB, where images start.
/// </summary>
/// <remarks>
/// A source is somebody else's. It comes in on standard input, never as a file name or an argument; the tools run without a shell, in an empty
/// folder of their own that is deleted afterwards, under limits of time, memory and file size. The assembler may hold four files open: input, the two
/// outputs and its object file. So whatever a source says, and however a macro spells it, there is no descriptor left to open a file of the host with
/// (.incbin, .include). What it says it read beyond that (--MD) is checked as well. Where the host allows it the tools have namespaces of their own
/// besides (<see cref="ToolSandbox"/>): what a fault in them would let a source do ends there.
/// </remarks>
public sealed class GnuAssembler : IDisposable
{
    /// <summary>Characters of a source at most: a few hundred lines.</summary>
    public const int MaximumSource = 15_000;

    /// <summary>Bytes of JSON that hold the longest source, each character escaped (\uXXXX), and a few fields beside it.</summary>
    public const int MaximumMessage = (6 * MaximumSource) + (16 * 1024);

    /// <summary>Sources in hand at most, two of them at work: each may take some seconds.</summary>
    public const int MostAtOnce = 16;

    private const string LoadAddress = "0x100000";
    private const string Object = "program.o";
    private const string Program = "program";
    private const string Dependencies = "program.d";
    private const string SourceName = "{standard input}";
    private const int FileSizeSignal = 128 + 25;
    private const int MostFileBytes = 4 << 20;

    private readonly SemaphoreSlim _gate = new(2);
    private readonly Lazy<Task<(AssemblerTools? Tools, string Reason)>> _tools;
    private int _inHand;

    /// <summary>Makes one for the tools of a search path.</summary>
    /// <param name="path">Folders, separated as in PATH.</param>
    public GnuAssembler(string path) => _tools = new(() => FindAsync(path));

    /// <summary>Whether there are tools: the assembler's version, or the reason why not.</summary>
    public async Task<AssemblerAvailability> CheckAsync() => await _tools.Value switch
    {
        ({ } tools, _) => new AssemblerAvailability(true, tools.Version, tools.Sandbox is null
            ? $"It has no namespaces of its own here ({tools.WithoutSandbox}) and runs under its limits alone."
            : "It runs in namespaces of its own: no network, and no files but the host's programs and libraries."),
        (null, string reason) => new AssemblerAvailability(false, reason, ""),
    };

    /// <summary>Assembles a source.</summary>
    /// <param name="source">The source.</param>
    /// <param name="syntax">How instructions are written at first; directives can change it.</param>
    /// <returns>The program, or the mistakes.</returns>
    /// <exception cref="AssemblerBusyException">There are <see cref="MostAtOnce"/> already.</exception>
    /// <exception cref="InvalidOperationException">There are no tools here; <see cref="CheckAsync"/> says why.</exception>
    public async Task<AssemblyOutcome> AssembleAsync(string source, AssemblySyntax syntax)
    {
        ArgumentNullException.ThrowIfNull(source);
        (AssemblerTools? tools, string reason) = await _tools.Value;
        if (tools is null)
        {
            throw new InvalidOperationException(reason);
        }

        if (Check(source) is { Count: > 0 } errors)
        {
            return new AssemblyOutcome(null, errors);
        }

        try
        {
            if (Interlocked.Increment(ref _inHand) > MostAtOnce)
            {
                throw new AssemblerBusyException();
            }

            await _gate.WaitAsync();
            try
            {
                using var folder = new ToolFolder();
                return await AssembleAsync(tools, folder.Work, source, syntax);
            }
            finally
            {
                _gate.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _inHand);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _gate.Dispose();

    private static Task<(AssemblerTools? Tools, string Reason)> FindAsync(string path)
    {
        _ = ToolFolderSweep.Sweep(Path.GetTempPath());
        return AssemblerTools.FindAsync(path);
    }

    private static IReadOnlyList<AssemblyError> Check(string source) =>
        string.IsNullOrWhiteSpace(source) ? [new AssemblyError(null, "There is nothing to assemble.")]
        : source.Length > MaximumSource ? [new AssemblyError(null, string.Create(CultureInfo.InvariantCulture, $"A source has at most {MaximumSource} characters, not {source.Length}."))]
        : source.Contains('\0', StringComparison.Ordinal) ? [new AssemblyError(null, "A source is text: it has no zero characters.")]
        : ForbiddenDirectives.Find(source);

    private static async Task<AssemblyOutcome> AssembleAsync(AssemblerTools tools, string folder, string source, AssemblySyntax syntax)
    {
        // A last line without its end would be read after the input is closed, with a descriptor free again.
        string text = source.ReplaceLineEndings("\n") + "\n";
        int lines = text.AsSpan().Count('\n');
        string[] notation = syntax == AssemblySyntax.Intel ? ["-msyntax=intel", "-mnaked-reg"] : [];
        ToolResult assembled = await ToolRun.RunAsync(Limited(
            tools, folder, openFiles: 4, text, [tools.Assembler, "--64", .. notation, "-g", "--MD", Dependencies, "-o", Object, "-"]));
        if (assembled.Status != 0)
        {
            return new AssemblyOutcome(null, Explain(assembled, ToolMessages.OfAssembler(assembled.Errors, lines), "assembler"));
        }

        if (ReadOthers(Path.Combine(folder, Dependencies)))
        {
            return new AssemblyOutcome(null, [new AssemblyError(null, "The source reads files of the host, which is refused.")]);
        }

        ToolResult linked = await ToolRun.RunAsync(Limited(
            tools, folder, openFiles: 16, "", [tools.Linker, "-m", "elf_x86_64", "-static", "-nostdlib", "-N", "-S", "-Ttext", LoadAddress, "-o", Program, Object]));
        string program = Path.Combine(folder, Program);
        return linked.Status == 0 && File.Exists(program)
            ? new AssemblyOutcome(await File.ReadAllBytesAsync(program), [])
            : new AssemblyOutcome(null, Explain(linked, ToolMessages.OfLinker(linked.Errors, lines), "linker"));
    }

    private static ToolCall Limited(AssemblerTools tools, string folder, int openFiles, string input, string[] command)
    {
        // Neither tool starts another: of processes there is one.
        ToolCall call = new(
            tools.Limiter,
            [
                string.Create(CultureInfo.InvariantCulture, $"--nofile={openFiles}:{openFiles}"), "--cpu=5:5", "--as=536870912:536870912", "--nproc=1:1",
                string.Create(CultureInfo.InvariantCulture, $"--fsize={MostFileBytes}:{MostFileBytes}"), "--core=0:0", .. command,
            ],
            folder,
            input);
        return tools.Sandbox?.Around(call) ?? call;
    }

    private static bool ReadOthers(string dependencies)
    {
        // An assembler that did not say what it read is not trusted.
        if (!File.Exists(dependencies))
        {
            return true;
        }

        // "program.o: {standard input}", each further file behind.
        string text = File.ReadAllText(dependencies);
        string rest = text.Replace(Object + ":", "", StringComparison.Ordinal).Replace(SourceName.Replace(" ", "\\ ", StringComparison.Ordinal), "", StringComparison.Ordinal);
        return rest.Replace(SourceName, "", StringComparison.Ordinal).AsSpan().Trim(" \n\\-").Length > 0;
    }

    private static List<AssemblyError> Explain(ToolResult result, List<AssemblyError> errors, string tool) => errors.Count > 0 ? errors : [new AssemblyError(null, result.Status switch
    {
        null => $"The {tool} took too long and was stopped.",
        ToolSandbox.NotPrepared => $"The {tool} was not started: its namespaces could not be made. {result.Errors.Split('\n')[0]}",
        FileSizeSignal => $"The program is too large: {MostFileBytes >> 20} MiB at most, symbols included.",
        { } status when status > 128 => $"The {tool} was stopped: it took too long or too much memory (signal {status - 128}).",
        { } status => $"The {tool} gave up (status {status}): too much memory is needed, or the source asks for what cannot be linked to run at {LoadAddress}.",
    })];
}
