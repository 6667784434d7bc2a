namespace Hyperpatch.Web.Machines.Views;

/// <summary>A guest of the catalogue.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">What a person sees it do.</param>
/// <param name="Mode">The mode it starts in.</param>
/// <param name="DefaultProcessors">Processors that it is best shown with.</param>
/// <param name="MaximumProcessors">Processors at most.</param>
/// <param name="MinimumMemoryMiB">Memory that it needs.</param>
/// <param name="CommandLineHelp">What its command line takes; empty: nothing.</param>
public sealed record GuestView(
    string Name, string Description, string Mode, int DefaultProcessors, int MaximumProcessors, int MinimumMemoryMiB, string CommandLineHelp);
