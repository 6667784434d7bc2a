namespace Hyperpatch.Engine.Hypercalls;

/// <summary>Serves one hypercall number.</summary>
/// <param name="host">The machine.</param>
/// <param name="call">Arguments.</param>
/// <returns>Result, before it is cut to the caller's width.</returns>
internal delegate long HypercallHandler(IHypercallHost host, in HypercallCall call);
