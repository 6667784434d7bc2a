namespace Hyperpatch.Engine.Accelerators;

/// <summary>
/// Optional ability of a partition: it can report accesses to control registers, as VMX does by its CR0 and CR4 masks and CR3 and CR8 controls
/// (Intel SDM vol. 3, 26.6.6) and SVM by its CR intercepts (AMD APM vol. 2, 15.8.1).
/// </summary>
public interface IControlRegisterExits
{
    /// <summary>
    /// While true, MOV to and from CR0, CR3, CR4 and CR8, CLTS and LMSW lead to <see cref="Exits.ExitReason.ControlRegister"/> first, and are carried out when the
    /// processor runs on. What CPL or form forbid raises its exception without an exit. Set before a processor runs.
    /// </summary>
    bool ReportsControlRegisters { get; set; }
}
