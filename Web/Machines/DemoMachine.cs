using System.Globalization;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Machines.Commands;

namespace Hyperpatch.Web.Machines;

/// <summary>Makes and starts the machine that runs from the start, so that there is something to see at once.</summary>
public sealed class DemoMachine(MachineCommands commands, DemoOptions options, ILogger<DemoMachine> logger) : IHostedService
{
    /// <summary>Why there is no such machine, or null.</summary>
    public string? Failure { get; private set; }

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!options.Enabled)
        {
            return;
        }

        CommandResult<ManagedMachine> result = await commands.CreateAsync(new CreateMachineRequest
        {
            Guest = options.Guest,
            Vendor = options.Vendor.Id,
            Policy = PolicyNames.Of(options.Policy),
            Processors = options.Processors > 0 ? options.Processors : null,
            MemoryMiB = options.MemoryMiB,
            CommandLine = options.CommandLine,
            Start = true,
        });
        if (result.Succeeded(out _, out CommandError? error))
        {
            return;
        }

        // What the settings say wrongly is the settings' error; a host without an accelerator is not: everything else works there.
        if (error.Kind == CommandErrorKind.Invalid)
        {
            string field = error.Fields.Keys.First();
            throw new SettingsException($"Setting Demo:{char.ToUpper(field[0], CultureInfo.InvariantCulture)}{field[1..]} cannot be used: {error.Message}");
        }

        Failure = error.Message;
        logger.LogWarning("No machine runs from the start: {Reason}", error.Message);
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
