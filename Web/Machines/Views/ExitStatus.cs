namespace Hyperpatch.Web.Machines.Views;

/// <summary>How a machine ended.</summary>
/// <param name="Reason">Why.</param>
/// <param name="Code">Its exit status: 0 halted for good, (value &lt;&lt; 1) | 1 for a write to port 0xF4, 126 for failures.</param>
public sealed record ExitStatus(string Reason, int Code);
