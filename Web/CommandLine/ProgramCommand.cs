using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Loading;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Vendors;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Machines.Commands;

namespace Hyperpatch.Web.CommandLine;

/// <summary>The command line: without a command the web server, with <c>run GUEST</c> one guest and no server.</summary>
internal sealed class ProgramCommand
{
    private readonly RootCommand _root = new("Runs x86 guests and shows every VM exit and hypercall. Without a command: the dashboard's web server.");
    private readonly Command _run = new("run", "Runs one guest or image file without the web server: serial output to standard output, log to standard error.");
    private readonly Argument<string> _guest = new("GUEST") { Description = "A guest of the catalogue, such as hello or mixed, or an image file: flat, ELF (64-bit, static) or Multiboot." };
    private readonly Option<CpuVendor> _vendor = new("--vendor")
    {
        Description = "The CPU vendor that the guest sees: intel or amd.",
        HelpName = "intel|amd",
        DefaultValueFactory = _ => CpuVendor.Intel,
        CustomParser = result => CpuVendor.TryParse(Word(result), out CpuVendor? vendor) ? vendor : Refuse<CpuVendor>(result, "intel, amd"),
    };
    private readonly Option<AcceleratorChoice> _accelerator = Names("--accelerator", "The back end.", AcceleratorChoice.Auto);
    private readonly Option<bool> _deterministic = new("--deterministic")
    {
        Description = "A run that repeats exactly, on the processor in software: vCPUs in turn, time from the number of instructions.",
    };
    private readonly Option<bool> _controlRegisters = new("--intercept-cr")
    {
        Description = "Accesses to control registers are exits, too; on the processor in software.",
    };
    private readonly Option<PatchPolicy> _policy = Names("--policy", "What is done with the wrong vendor's hypercalls.", PatchPolicy.Force);
    private readonly Option<long> _processors = Number("--processors", "Virtual processors, 1 to 64.", 1, 1, 64);
    private readonly Option<long> _memory = Number("--memory", "Memory in MiB.", 64, 1, 65_536, "MiB");
    private readonly Option<ImageFormat?> _format = new("--format")
    {
        Description = "Of an image file: its form. Default: as the file says.",
        HelpName = string.Join('|', ImageWords.Formats),
        CustomParser = result => Image(result, "--format", ImageWords.Formats, word => (word, null, null, null)).Format,
    };
    private readonly Option<GuestMode?> _mode = new("--mode")
    {
        Description = "Of a flat image file: the mode it starts in. Default: 64.",
        HelpName = string.Join('|', ImageWords.Modes),
        CustomParser = result => Image(result, "--mode", ImageWords.Modes, word => (null, word, null, null)).Mode,
    };
    private readonly Option<ulong?> _load = Address("--load-address", "Of a flat image file: where its first byte goes. Default: 0x7C00 in mode 16, else 0x100000.");
    private readonly Option<ulong?> _entry = Address("--entry-address", "Of a flat image file: where it starts. Default: the load address.");
    private readonly Option<string> _append = new("--append") { Description = "The guest's command line.", HelpName = "TEXT", DefaultValueFactory = _ => "" };
    private readonly Option<long> _switchAfter = Number("--switch-vendor-after", "Switch the vendor after N hypercalls, again each N; 0: never.", 0, 0, long.MaxValue);
    private readonly Option<long> _timeout = Number("--timeout", "Time limit in seconds.", 60, 1, 86_400, "SECONDS");
    private readonly Option<string?> _summary = new("--summary") { Description = "Write a summary to this file (JSON), also on failure.", HelpName = "FILE" };

    /// <summary>Builds the command line.</summary>
    /// <param name="run">What <c>run</c> does.</param>
    /// <param name="serve">What no command does.</param>
    public ProgramCommand(Func<RunOptions, CancellationToken, Task<int>> run, Func<CancellationToken, Task<int>> serve)
    {
        foreach (Option option in new Option[] { _vendor, _accelerator, _deterministic, _controlRegisters, _policy, _processors, _memory, _format, _mode, _load, _entry, _append, _switchAfter, _timeout, _summary })
        {
            _run.Options.Add(option);
        }

        _run.Arguments.Add(_guest);
        _run.SetAction((result, cancellation) => run(Options(result), cancellation));
        _root.Subcommands.Add(_run);

        // The server's options are its settings, which are checked where they are read.
        _root.TreatUnmatchedTokensAsErrors = false;
        _root.Options.Add(new Option<string>("--urls") { Description = "Where the server listens.", HelpName = ListenAddresses.Default });
        _root.SetAction((_, cancellation) => serve(cancellation));
    }

    /// <summary>Parses and runs. Bad arguments are one line on standard error.</summary>
    public async Task<int> InvokeAsync(string[] arguments)
    {
        ParseResult result = _root.Parse(arguments);
        if (arguments is [[not ('-' or '/'), ..] word, ..] && word != _run.Name && !word.Contains('=', StringComparison.Ordinal))
        {
            await Console.Error.WriteLineAsync($"There is no command \"{word}\"; there is: {_run.Name}. See --help.");
            return ServerExitCode.BadSettings;
        }

        bool isRun = result.CommandResult.Command == _run;

        // Settings of the server are not known to the parser; of "run", everything is.
        string? error = result.Errors.Count > 0 ? Single(result.Errors[0].Message)
            : isRun && result.UnmatchedTokens.Count > 0 ? $"Argument \"{result.UnmatchedTokens[0]}\" is not known."
            : null;
        if (error is not null)
        {
            await Console.Error.WriteLineAsync($"{error} See --help.");
            if (isRun)
            {
                await SummarizeRefusalAsync(result, error);
            }

            return isRun ? RunExitCode.NotStarted : ServerExitCode.BadSettings;
        }

        return await result.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
    }

    // A script that asked for a summary reads it whatever happened.
    private async Task SummarizeRefusalAsync(ParseResult result, string error)
    {
        try
        {
            if (result.GetValue(_summary) is { Length: > 0 } path)
            {
                await using FileStream summary = RunSummary.Open(new FileInfo(path));
                await RunSummary.WriteAsync(summary, RunSummary.Of(error));
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidOperationException or ArgumentException)
        {
            // --summary itself was wrong, or its file cannot be written; that nothing was run has been said.
        }
    }

    private static string Single(string message) => message.ReplaceLineEndings(" ").Trim();

    private static string Word(ArgumentResult result) => result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";

    private static T Refuse<T>(ArgumentResult result, string allowed)
    {
        string name = (result.Parent as OptionResult)?.Option.Name ?? result.Argument.Name;
        result.AddError($"Option {name} has the value \"{Word(result)}\"; allowed: {allowed}.");
        return default!;
    }

    private static Option<T> Names<T>(string name, string description, T fallback) where T : struct, Enum
    {
        string[] names = [.. Enum.GetNames<T>().Select(value => value.ToLowerInvariant())];
        return new Option<T>(name)
        {
            Description = description,
            HelpName = string.Join('|', names),
            DefaultValueFactory = _ => fallback,
            CustomParser = result =>
            {
                int index = Array.IndexOf(names, Word(result).ToLowerInvariant());
                return index >= 0 ? Enum.Parse<T>(names[index], ignoreCase: true) : Refuse<T>(result, string.Join(", ", names));
            },
        };
    }

    private static Option<long> Number(string name, string description, long fallback, long minimum, long maximum, string unit = "N") => new(name)
    {
        Description = description,
        HelpName = unit,
        DefaultValueFactory = _ => fallback,
        CustomParser = result => long.TryParse(Word(result), NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value >= minimum && value <= maximum
            ? value
            : Refuse<long>(result, maximum == long.MaxValue ? $"a whole number from {minimum} up" : $"a whole number from {minimum} to {maximum}"),
    };

    private static ImageSettings Image(
        ArgumentResult result, string name, IEnumerable<string> allowed, Func<string, (string? Format, string? Mode, string? Load, string? Entry)> place)
    {
        Dictionary<string, string[]> errors = [];
        (string? format, string? mode, string? load, string? entry) = place(Word(result));
        ImageSettings settings = ImageWords.Parse(errors, format, mode, load, entry);
        if (errors.Count > 0)
        {
            result.AddError($"Option {name} has the value \"{Word(result)}\"; allowed: {string.Join(", ", allowed)}.");
        }

        return settings;
    }

    private static Option<ulong?> Address(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "ADDRESS",
        CustomParser = result => Image(result, name, ["hexadecimal with 0x, such as 0x100000"], word => (null, null, word, null)).LoadAddress,
    };

    private RunOptions Options(ParseResult result) => new()
    {
        Guest = result.GetRequiredValue(_guest),
        Image = new ImageSettings
        {
            Format = result.GetValue(_format),
            Mode = result.GetValue(_mode),
            LoadAddress = result.GetValue(_load),
            EntryAddress = result.GetValue(_entry),
        },
        Vendor = result.GetRequiredValue(_vendor),
        Accelerator = result.GetRequiredValue(_accelerator),
        Deterministic = result.GetValue(_deterministic),
        InterceptControlRegisters = result.GetValue(_controlRegisters),
        Policy = result.GetRequiredValue(_policy),
        Processors = (int)result.GetRequiredValue(_processors),
        MemoryMiB = (int)result.GetRequiredValue(_memory),
        CommandLine = result.GetValue(_append) ?? "",
        SwitchVendorAfter = result.GetRequiredValue(_switchAfter) is > 0 and var n ? n : null,
        Timeout = TimeSpan.FromSeconds(result.GetRequiredValue(_timeout)),
        Summary = result.GetValue(_summary) is { Length: > 0 } path ? new FileInfo(path) : null,
    };
}
