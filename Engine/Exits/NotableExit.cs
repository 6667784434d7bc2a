namespace Hyperpatch.Engine.Exits;

/// <summary>An interception with more to it than a served hypercall, and what its processor did next.</summary>
public struct NotableExit
{
    /// <summary>The #UD, with what was done about it.</summary>
    public ExitRecord Exit;

    /// <summary>The same processor's next exit that the guest itself brought about; only where <see cref="HasNext"/> says so.</summary>
    public ExitRecord Next;

    /// <summary>Whether there has been a next exit.</summary>
    public bool HasNext;

    /// <summary>Whether the next exit will never be known: the guest was reset before it, or records were lost in between.</summary>
    public bool IsCut;
}
