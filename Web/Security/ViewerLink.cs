namespace Hyperpatch.Web.Security;

/// <summary>A link that lets people watch.</summary>
/// <param name="Address">The link.</param>
/// <param name="IsForThisMachineAlone">Whether its host is a loopback address, which leads nowhere from elsewhere.</param>
/// <param name="HasToken">Whether the viewers' token is in it; not where nobody logs in.</param>
public sealed record ViewerLink(Uri Address, bool IsForThisMachineAlone, bool HasToken);
