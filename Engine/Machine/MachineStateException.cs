namespace Hyperpatch.Engine.Machine;

/// <summary>A command does not fit the machine's state; the message says why and what does.</summary>
public sealed class MachineStateException : Exception
{
    /// <summary>Makes one without a message.</summary>
    public MachineStateException()
    {
    }

    /// <summary>Makes one.</summary>
    /// <param name="message">Why, and what to do.</param>
    public MachineStateException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one with a cause.</summary>
    /// <param name="message">Why, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public MachineStateException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
