using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Web.Machines;

namespace Hyperpatch.Web.Export;

/// <summary>What a table of a machine is to be about.</summary>
/// <param name="Machine">The machine.</param>
/// <param name="Site">History: the site; null: all of them.</param>
/// <param name="Seconds">Rates and handling times: so much time up to now; null: all that there is.</param>
/// <param name="Reason">Handling times: this reason's alone, or null.</param>
internal sealed record MachineTableRequest(ManagedMachine Machine, HypercallSite? Site, int? Seconds, ExitReason? Reason);
