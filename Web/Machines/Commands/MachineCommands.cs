using System.Security.Claims;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Machine.PausePoints;
using Hyperpatch.Engine.Vendors;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Machines.Assembling;
using Hyperpatch.Web.Machines.Frames;
using Hyperpatch.Web.Machines.Views;
using Hyperpatch.Web.Security;

namespace Hyperpatch.Web.Machines.Commands;

/// <summary>
/// Everything that is done with machines, for pages, API and hub alike: here it is checked who may do it, and here the engine's
/// refusals become errors that can be shown.
/// </summary>
public sealed class MachineCommands(MachineRegistry registry, AcceleratorSet accelerators, GuestChoice guests, EngineOptions settings, SessionRegistry sessions, ILogger<MachineCommands> logger)
{
    private const int DefaultMemoryMiB = 64;

    /// <summary>All machines.</summary>
    public IReadOnlyList<MachineView> List(ClaimsPrincipal user)
    {
        ArgumentNullException.ThrowIfNull(user);
        return MayWatch(user) ? [.. registry.All.Select(machine => machine.View())] : [];
    }

    /// <summary>One machine.</summary>
    public CommandResult<ManagedMachine> Get(ClaimsPrincipal user, string id)
    {
        ArgumentNullException.ThrowIfNull(user);
        return !MayWatch(user) ? CommandError.Forbidden
            : registry.Find(id ?? "") is { } machine ? machine
            : CommandError.NotFound(id ?? "");
    }

    /// <summary>Subscribes to a machine's frames. The caller disposes of the subscription.</summary>
    public CommandResult<FrameSubscription> Watch(ClaimsPrincipal user, string id, FrameFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        if (!Get(user, id).Succeeded(out ManagedMachine? machine, out CommandError? error))
        {
            return error;
        }

        return machine.Feed.Subscribe(filter, AccessHolder.Of(user));
    }

    /// <summary>Makes a machine, and starts it where asked to.</summary>
    /// <param name="user">Who asks.</param>
    /// <param name="request">What for.</param>
    /// <param name="image">The image file it is to run, or null for a guest of the catalogue.</param>
    public async Task<CommandResult<ManagedMachine>> CreateAsync(ClaimsPrincipal user, CreateMachineRequest request, UploadedImage? image = null)
    {
        ArgumentNullException.ThrowIfNull(user);
        ArgumentNullException.ThrowIfNull(request);
        return MayChange(user) ? await CreateAsync(request, image) : CommandError.Forbidden;
    }

    /// <summary>Assembles a source with the host's assembler.</summary>
    public async Task<CommandResult<AssemblyView>> AssembleAsync(ClaimsPrincipal user, AssembleRequest request)
    {
        ArgumentNullException.ThrowIfNull(user);
        ArgumentNullException.ThrowIfNull(request);
        return MayChange(user) ? await Task.Run(() => guests.AssembleAsync(request)) : CommandError.Forbidden;
    }

    /// <summary>Starts a machine, or lets it go on.</summary>
    public Task<CommandResult<ManagedMachine>> RunAsync(ClaimsPrincipal user, string id) => ChangeAsync<ManagedMachine>(user, id, (managed, machine) =>
    {
        machine.Run();
        managed.Steps.Clear();
        return managed;
    });

    /// <summary>Stops a machine for a while.</summary>
    public Task<CommandResult<ManagedMachine>> PauseAsync(ClaimsPrincipal user, string id) => ChangeAsync(user, id, machine => machine.Pause());

    /// <summary>Lets one processor (null: each) of a paused machine execute one instruction.</summary>
    public Task<CommandResult<ManagedMachine>> StepAsync(ClaimsPrincipal user, string id, int? processor) => ChangeAsync<ManagedMachine>(user, id, (managed, machine) =>
    {
        managed.Steps.Step(machine, processor);
        return managed;
    });

    /// <summary>Puts a machine back to its beginning.</summary>
    public Task<CommandResult<ManagedMachine>> ResetAsync(ClaimsPrincipal user, string id) => ChangeAsync<ManagedMachine>(user, id, (managed, machine) =>
    {
        machine.Reset();
        managed.Steps.Clear();
        return managed;
    });

    /// <summary>Switches the vendor that the guest sees.</summary>
    public Task<CommandResult<ManagedMachine>> SwitchVendorAsync(ClaimsPrincipal user, string id, string? vendor) => ChangeAsync(user, id, machine =>
        machine.SwitchVendor(CpuVendor.TryParse(vendor, out CpuVendor? parsed) ? parsed
            : throw new MachineOptionException("vendor", PlainNames.NotAllowed("vendor", vendor, CpuVendor.All.Select(known => known.Id)))));

    /// <summary>Sets what is done with the wrong vendor's hypercalls.</summary>
    public Task<CommandResult<ManagedMachine>> SetPolicyAsync(ClaimsPrincipal user, string id, string? policy) => ChangeAsync(user, id, machine =>
        machine.SetPolicy(PolicyNames.TryParse(policy, out PatchPolicy parsed) ? parsed
            : throw new MachineOptionException("policy", PlainNames.NotAllowed("policy", policy, Words.Lower<PatchPolicy>()))));

    /// <summary>At what a machine pauses by itself.</summary>
    public CommandResult<IReadOnlyList<PausePointView>> PausePoints(ClaimsPrincipal user, string id) =>
        Get(user, id).Succeeded(out ManagedMachine? machine, out CommandError? error) ? Views(machine.Machine.PausePoints) : error;

    /// <summary>Adds a pause point.</summary>
    public Task<CommandResult<PausePointView>> AddPausePointAsync(ClaimsPrincipal user, string id, PausePointRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return ChangeAsync<PausePointView>(user, id, machine => PausePointView.Of(machine.AddPausePoint(request.ToOptions())));
    }

    /// <summary>Takes these pause points in the place of all before.</summary>
    public Task<CommandResult<IReadOnlyList<PausePointView>>> SetPausePointsAsync(ClaimsPrincipal user, string id, IReadOnlyList<PausePointRequest?>? requests) =>
        ChangeAsync<IReadOnlyList<PausePointView>>(user, id, machine => Views(machine.SetPausePoints(Options(requests))));

    /// <summary>Removes a pause point.</summary>
    public Task<CommandResult<ManagedMachine>> RemovePausePointAsync(ClaimsPrincipal user, string id, int point) => ChangeAsync<ManagedMachine>(user, id, machine =>
        machine.RemovePausePoint(point) ? Get(user, id)
            : new CommandError(CommandErrorKind.NotFound, $"The machine has no pause point {point} (any more)."));

    /// <summary>Ends a machine and forgets it.</summary>
    public Task<CommandResult<ManagedMachine>> DeleteAsync(ClaimsPrincipal user, string id) => ChangeAsync(user, id, machine =>
    {
        if (registry.Find(id) is { } managed && managed.Machine == machine)
        {
            registry.Remove(managed);
        }
    });

    /// <summary>Sends serial input: all of it or nothing.</summary>
    public CommandResult<ManagedMachine> SendSerial(ClaimsPrincipal user, string id, ReadOnlySpan<byte> input)
    {
        if (!MayChange(user, id).Succeeded(out ManagedMachine? machine, out CommandError? error))
        {
            return error;
        }

        if (machine.Machine.State is not (MachineState.Running or MachineState.Paused))
        {
            return new CommandError(
                CommandErrorKind.Conflict, $"The machine is {MachineViews.Name(machine.Machine.State)}; serial input is for a machine that runs or is paused.");
        }

        int taken = machine.Machine.Serial.SendInput(input);
        return taken == input.Length ? machine
            : new CommandError(CommandErrorKind.Conflict, $"The guest reads too slowly: {taken} of {input.Length} bytes found room.");
    }

    /// <summary>Makes a machine on the program's own behalf.</summary>
    internal Task<CommandResult<ManagedMachine>> CreateAsync(CreateMachineRequest request, UploadedImage? image = null) =>
        Task.Run(async () => Create(request, await guests.FindAsync(request, image)));

    private CommandResult<ManagedMachine> Create(CreateMachineRequest request, CommandResult<MachineGuest> found)
    {
        Dictionary<string, string[]> errors = [];
        if (!found.Succeeded(out MachineGuest? guest, out CommandError? refusal))
        {
            if (refusal.Kind != CommandErrorKind.Invalid)
            {
                return refusal;
            }

            errors = new Dictionary<string, string[]>(refusal.Fields);
        }

        CpuVendor? vendor = CpuVendor.Intel;
        if (request.Vendor is not null && !CpuVendor.TryParse(request.Vendor, out vendor))
        {
            errors["vendor"] = [PlainNames.NotAllowed("vendor", request.Vendor, CpuVendor.All.Select(known => known.Id))];
        }

        PatchPolicy policy = PatchPolicy.Force;
        if (request.Policy is not null && !PolicyNames.TryParse(request.Policy, out policy))
        {
            errors["policy"] = [PlainNames.NotAllowed("policy", request.Policy, Words.Lower<PatchPolicy>())];
        }

        AcceleratorChoice choice = default;
        if (request.Accelerator is not null && !Words.TryParse(request.Accelerator, out choice))
        {
            errors["accelerator"] = [PlainNames.NotAllowed("accelerator", request.Accelerator, AcceleratorSet.Names)];
        }

        if (errors.Count > 0 || guest is null || vendor is null)
        {
            return CommandError.Invalid(errors);
        }

        return Guard<ManagedMachine>(() =>
        {
            VirtualMachineOptions options = Options(request, guest, vendor, policy);
            IAccelerator accelerator = accelerators.Select(request.Accelerator is null ? null : choice, request.Deterministic);
            ManagedMachine? machine = registry.Add(id => new VirtualMachine(id, options, guest, accelerator));
            if (machine is null)
            {
                return new CommandError(CommandErrorKind.Conflict, $"There are {settings.MaximumMachines} machines already, which is the most (Engine:MaximumMachines). Delete one first.");
            }

            if (request.Start)
            {
                machine.Machine.Run();
            }

            return machine;
        });
    }

    private VirtualMachineOptions Options(CreateMachineRequest request, MachineGuest guest, CpuVendor vendor, PatchPolicy policy) => new()
    {
        Name = string.IsNullOrWhiteSpace(request.Name) ? guest.Name : request.Name.Trim(),
        Vendor = vendor,
        Policy = policy,
        Processors = request.Processors ?? guest.DefaultProcessors,
        MemoryMiB = request.MemoryMiB ?? Math.Max(DefaultMemoryMiB, guest.MinimumMemoryMiB),
        CommandLine = request.CommandLine ?? "",
        Deterministic = request.Deterministic,
        InterceptControlRegisters = request.InterceptControlRegisters,
        HistoryCapacity = settings.HistorySize,
        FramesPerSecond = settings.FramesPerSecond,
    };

    // Circuits and hub connections live on after a log-out, with the identity that they began with.
    private bool MayWatch(ClaimsPrincipal user) => user.MayWatch() && !sessions.IsOver(user);

    private bool MayChange(ClaimsPrincipal user) => user.MayChange() && !sessions.IsOver(user);

    private CommandResult<ManagedMachine> MayChange(ClaimsPrincipal user, string id)
    {
        ArgumentNullException.ThrowIfNull(user);
        return MayChange(user) ? Get(user, id) : CommandError.Forbidden;
    }

    private Task<CommandResult<ManagedMachine>> ChangeAsync(ClaimsPrincipal user, string id, Action<VirtualMachine> change) =>
        ChangeAsync<ManagedMachine>(user, id, (managed, machine) =>
        {
            change(machine);
            return managed;
        });

    private Task<CommandResult<T>> ChangeAsync<T>(ClaimsPrincipal user, string id, Func<VirtualMachine, CommandResult<T>> change) where T : class =>
        ChangeAsync(user, id, (_, machine) => change(machine));

    // The engine's commands wait for processors: not on the caller's thread, which may be a page's.
    private async Task<CommandResult<T>> ChangeAsync<T>(ClaimsPrincipal user, string id, Func<ManagedMachine, VirtualMachine, CommandResult<T>> change) where T : class =>
        MayChange(user, id).Succeeded(out ManagedMachine? machine, out CommandError? error)
            ? await Task.Run(() => Guard(() => change(machine, machine.Machine)))
            : error;

    private static CommandResult<IReadOnlyList<PausePointView>> Views(IEnumerable<PausePoint> points) =>
        CommandResults.Of<IReadOnlyList<PausePointView>>([.. points.Select(PausePointView.Of)]);

    private static List<PausePointOptions> Options(IReadOnlyList<PausePointRequest?>? requests)
    {
        if (requests is null || requests.Count > VirtualMachine.MostPausePoints)
        {
            throw new MachineOptionException("points", $"Field \"points\" has to be a list of at most {VirtualMachine.MostPausePoints} pause points.");
        }

        List<PausePointOptions> options = [];
        foreach (PausePointRequest? request in requests)
        {
            try
            {
                options.Add((request ?? new PausePointRequest()).ToOptions());
            }
            catch (MachineOptionException exception)
            {
                throw new MachineOptionException($"points[{options.Count}].{exception.Field}", exception.Message);
            }
        }

        return options;
    }

    private CommandResult<T> Guard<T>(Func<CommandResult<T>> command) where T : class
    {
        try
        {
            return command();
        }
        catch (MachineOptionException exception)
        {
            return CommandError.Invalid(exception.Field.Length > 0 ? exception.Field : "machine", exception.Message);
        }
        catch (MachineStateException exception)
        {
            return new CommandError(CommandErrorKind.Conflict, exception.Message);
        }
        catch (AcceleratorException exception)
        {
            logger.LogWarning("The accelerator refused: {Reason}", exception.Message);
            return new CommandError(CommandErrorKind.Unavailable, exception.Message);
        }
        catch (ObjectDisposedException)
        {
            return new CommandError(CommandErrorKind.NotFound, "The machine has just been deleted.");
        }
    }
}
