namespace Hyperpatch.Engine.Machine;

/// <summary>An option of a machine cannot be used.</summary>
public sealed class MachineOptionException : Exception
{
    /// <summary>Makes one without a message.</summary>
    public MachineOptionException()
    {
        Field = string.Empty;
    }

    /// <summary>Makes one without a field.</summary>
    /// <param name="message">What is wrong.</param>
    public MachineOptionException(string message)
        : base(message)
    {
        Field = string.Empty;
    }

    /// <summary>Makes one with a cause.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">The cause.</param>
    public MachineOptionException(string message, Exception innerException)
        : base(message, innerException)
    {
        Field = string.Empty;
    }

    /// <summary>Makes one.</summary>
    /// <param name="field">Name of the option as in the API, such as <c>memoryMiB</c>.</param>
    /// <param name="message">What is wrong and what is allowed.</param>
    public MachineOptionException(string field, string message)
        : base(message)
    {
        Field = field;
    }

    /// <summary>Name of the option as in the API; empty when it is no single one.</summary>
    public string Field { get; }
}
