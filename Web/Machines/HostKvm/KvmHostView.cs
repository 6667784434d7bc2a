namespace Hyperpatch.Web.Machines.HostKvm;

/// <summary>What KVM counts on this host.</summary>
/// <param name="Reason">Why other programs' machines cannot be seen, and what to do; null: they can.</param>
/// <param name="Totals">All machines together, the fastest first.</param>
/// <param name="Machines">Every machine that is visible, whoever started it.</param>
/// <param name="MachinesLeftOut">Machines beyond the most that are read.</param>
public sealed record KvmHostView(string? Reason, IReadOnlyList<KvmCounterView> Totals, IReadOnlyList<KvmMachineView> Machines, int MachinesLeftOut);
