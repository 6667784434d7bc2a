using Hyperpatch.Web.Machines.Commands;

namespace Hyperpatch.Web.Api;

/// <summary>A new machine as a form asks for it.</summary>
/// <param name="Request">The fields.</param>
/// <param name="Image">The file, or null.</param>
internal sealed record MachineForm(CreateMachineRequest Request, UploadedImage? Image);
