using System.Security.Claims;
using System.Text;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Assembling;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Views;
using Hyperpatch.Web.Security;
using Hyperpatch.Web.Startup;
using Microsoft.AspNetCore.Mvc;

namespace Hyperpatch.Web.Api;

/// <summary>/api/machines: what a machine is and what is done with it. Roles and rules are the command service's.</summary>
internal static class MachineEndpoints
{
    private const int MaximumSerialInput = 4096;

    /// <summary>Maps the calls.</summary>
    public static void MapMachines(this RouteGroupBuilder api)
    {
        RouteGroupBuilder machines = api.MapGroup("/machines").WithTags("Machines");
        machines.MapGet("", (ClaimsPrincipal user, MachineCommands commands) => commands.List(user))
            .WithName("ListMachines").WithSummary("All machines.").Produces<IReadOnlyList<MachineView>>();
        machines.MapPost("", CreateAsync)
            .RequireAuthorization(AccessPolicies.Operator).WithName("CreateMachine").WithSummary("Makes a machine, and starts it where asked to.")
            .WithMetadata(new RequestSizeLimitAttribute(GnuAssembler.MaximumMessage)).Accepts<CreateMachineRequest>("application/json", "multipart/form-data").ProducesProblem(413).Produces<MachineView>(StatusCodes.Status201Created)
            .ProducesValidationProblem().ProducesProblem(403).ProducesProblem(409).ProducesProblem(422).ProducesProblem(429);
        machines.MapGet("/{id}", (ClaimsPrincipal user, MachineCommands commands, string id) => View(commands.Get(user, id)))
            .WithName("GetMachine").WithSummary("One machine.").Produces<MachineView>().ProducesProblem(404);
        machines.MapDelete("/{id}", DeleteAsync)
            .RequireAuthorization(AccessPolicies.Operator).WithName("DeleteMachine").WithSummary("Ends a machine and forgets it.").Produces(StatusCodes.Status204NoContent).ProducesProblem(403).ProducesProblem(404);

        Change(machines, "run", "Starts a machine, or lets it go on.", (user, commands, id, _) => commands.RunAsync(user, id));
        Change(machines, "pause", "Stops a machine for a while.", (user, commands, id, _) => commands.PauseAsync(user, id));
        Change(machines, "reset", "Puts a machine back to its beginning.", (user, commands, id, _) => commands.ResetAsync(user, id));
        Change(machines, "step", "Lets each processor of a paused machine (or one: ?processor=N) execute one instruction.", StepAsync)
            .WithQueryNumber("processor", "This processor alone.", 0, 63).ProducesValidationProblem();
        machines.MapPut("/{id}/vendor", SwitchVendorAsync)
            .RequireAuthorization(AccessPolicies.Operator).WithName("SwitchVendor").WithSummary("Switches the vendor that the guest sees.")
            .Accepts<VendorBody>("application/json").ProducesProblem(413).Produces<MachineView>().ProducesValidationProblem().ProducesProblem(403).ProducesProblem(404).ProducesProblem(409).ProducesProblem(422);
        machines.MapPut("/{id}/policy", SetPolicyAsync)
            .RequireAuthorization(AccessPolicies.Operator).WithName("SetPolicy").WithSummary("Sets what is done with the wrong vendor's hypercalls.")
            .Accepts<PolicyBody>("application/json").ProducesProblem(413).Produces<MachineView>().ProducesValidationProblem().ProducesProblem(403).ProducesProblem(404).ProducesProblem(409);

        machines.MapGet("/{id}/hypercall-sites", (ClaimsPrincipal user, MachineCommands commands, string id) => ApiResults.Of(commands.Get(user, id), machine => machine.Sites()))
            .WithName("ListHypercallSites").WithSummary("Places that hold a hypercall instruction, with their history.").Produces<IReadOnlyList<SiteDetail>>().ProducesProblem(404);
        machines.MapGet("/{id}/serial", (ClaimsPrincipal user, MachineCommands commands, string id) =>
            commands.Get(user, id).Succeeded(out ManagedMachine? machine, out CommandError? error) ? Results.Text(machine.SerialOutput(), "text/plain", Encoding.UTF8) : ApiResults.Problem(error))
            .WithName("ReadSerial").WithSummary("The latest serial output.").Produces<string>(200, "text/plain").ProducesProblem(404);
        machines.MapPost("/{id}/serial", WriteSerialAsync)
            .RequireAuthorization(AccessPolicies.Operator).WithName("WriteSerial").WithSummary("Serial input, up to 4096 bytes.").Accepts<string>("text/plain").ProducesProblem(413)
            .Produces(StatusCodes.Status204NoContent).ProducesValidationProblem().ProducesProblem(403).ProducesProblem(404).ProducesProblem(409);
        machines.MapExits();
        machines.MapExports();
        machines.MapMemory();
        machines.MapPausePoints();
        machines.MapStories();
        machines.MapLatency();
    }

    private static RouteHandlerBuilder Change(
        RouteGroupBuilder machines, string verb, string summary, Func<ClaimsPrincipal, MachineCommands, string, HttpRequest, Task<CommandResult<ManagedMachine>>> command) =>
        machines.MapPost("/{id}/" + verb, async (ClaimsPrincipal user, MachineCommands commands, string id, HttpRequest request) => View(await command(user, commands, id, request)))
            .RequireAuthorization(AccessPolicies.Operator).WithName(char.ToUpperInvariant(verb[0]) + verb[1..] + "Machine").WithSummary(summary)
            .Produces<MachineView>().ProducesProblem(403).ProducesProblem(404).ProducesProblem(409).ProducesProblem(422);

    private static async Task<IResult> CreateAsync(ClaimsPrincipal user, MachineCommands commands, HttpRequest request)
    {
        CommandResult<MachineForm> body = MultipartBody.Is(request) ? await MultipartBody.ReadAsync(request)
            : (await JsonBody.ReadAsync<CreateMachineRequest>(request)).Succeeded(out CreateMachineRequest? json, out CommandError? error) ? new MachineForm(json, null)
            : error;
        if (!body.Succeeded(out MachineForm? wanted, out error))
        {
            return ApiResults.Problem(error);
        }

        CommandResult<ManagedMachine> result = await commands.CreateAsync(user, wanted.Request, wanted.Image);
        return result.Succeeded(out ManagedMachine? machine, out error)
            ? Results.Created($"/api/machines/{machine.Id}", machine.View())
            : ApiResults.Problem(error);
    }

    private static async Task<IResult> DeleteAsync(ClaimsPrincipal user, MachineCommands commands, string id) =>
        ApiResults.NoContent(await commands.DeleteAsync(user, id));

    private static Task<CommandResult<ManagedMachine>> StepAsync(ClaimsPrincipal user, MachineCommands commands, string id, HttpRequest request)
    {
        var query = new QueryFields(request.Query);
        long? processor = query.Integer("processor", 0, 63);
        return query.Refusal is { } refusal
            ? Task.FromResult<CommandResult<ManagedMachine>>(refusal)
            : commands.StepAsync(user, id, (int?)processor);
    }

    private static async Task<IResult> SwitchVendorAsync(ClaimsPrincipal user, MachineCommands commands, string id, HttpRequest request) =>
        (await JsonBody.ReadAsync<VendorBody>(request)).Succeeded(out VendorBody? body, out CommandError? error)
            ? View(await commands.SwitchVendorAsync(user, id, body.Vendor))
            : ApiResults.Problem(error);

    private static async Task<IResult> SetPolicyAsync(ClaimsPrincipal user, MachineCommands commands, string id, HttpRequest request) =>
        (await JsonBody.ReadAsync<PolicyBody>(request)).Succeeded(out PolicyBody? body, out CommandError? error)
            ? View(await commands.SetPolicyAsync(user, id, body.Policy))
            : ApiResults.Problem(error);

    private static async Task<IResult> WriteSerialAsync(ClaimsPrincipal user, MachineCommands commands, string id, HttpRequest request)
    {
        // One byte more than is allowed, to see that it is too much.
        byte[] buffer = new byte[MaximumSerialInput + 1];
        int length = await request.Body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, request.HttpContext.RequestAborted);
        return length > MaximumSerialInput
            ? ApiResults.Problem(CommandError.Invalid("body", $"At most {MaximumSerialInput} bytes at once."))
            : ApiResults.NoContent(commands.SendSerial(user, id, buffer.AsSpan(0, length)));
    }

    private static IResult View(CommandResult<ManagedMachine> result) => ApiResults.Of(result, machine => machine.View());
}
