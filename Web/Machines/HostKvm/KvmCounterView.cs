namespace Hyperpatch.Web.Machines.HostKvm;

/// <summary>A counter of KVM's.</summary>
/// <param name="Name">The kernel's name for it.</param>
/// <param name="Total">Its value.</param>
/// <param name="PerSecond">How fast it grows; null: not known yet, or it does not only grow.</param>
public sealed record KvmCounterView(string Name, long Total, double? PerSecond);
