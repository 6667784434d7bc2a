namespace Hyperpatch.Engine.Accelerators;

/// <summary>A back end refused; the message names the operation, the error, and what can be done.</summary>
public sealed class AcceleratorException : Exception
{
    /// <summary>Makes one without a message.</summary>
    public AcceleratorException()
    {
    }

    /// <summary>Makes one.</summary>
    /// <param name="message">Operation, error, remedy.</param>
    public AcceleratorException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one with a cause.</summary>
    /// <param name="message">Operation, error, remedy.</param>
    /// <param name="innerException">The cause.</param>
    public AcceleratorException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
