using Hyperpatch.Engine.Machine.Frames;

namespace Hyperpatch.Web.Machines.Stories;

/// <summary>One exit told step by step.</summary>
/// <param name="Exit">The exit.</param>
/// <param name="Title">All of it in one line.</param>
/// <param name="Cpl">Privilege level of the guest's code, 0 to 3.</param>
/// <param name="Steps">The steps, in their order.</param>
/// <param name="Next">The same processor's next exit, or null while there was none or it is not kept.</param>
/// <param name="Previous">Number of the interception before it, or null.</param>
/// <param name="Following">Number of the interception behind it, or null.</param>
public sealed record Story(ExitEvent Exit, string Title, int Cpl, IReadOnlyList<StoryStep> Steps, ExitEvent? Next, long? Previous, long? Following)
{
    /// <summary>Whether something of it is still to come.</summary>
    public bool IsPending => Steps.Any(step => step.IsPending);
}
