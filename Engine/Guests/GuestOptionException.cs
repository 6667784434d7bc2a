namespace Hyperpatch.Engine.Guests;

/// <summary>A guest's command line cannot be used; the message says which word and what is allowed.</summary>
public sealed class GuestOptionException : Exception
{
    /// <summary>Makes one without a message.</summary>
    public GuestOptionException()
    {
    }

    /// <summary>Makes one.</summary>
    /// <param name="message">Which word, and what is allowed.</param>
    public GuestOptionException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one with a cause.</summary>
    /// <param name="message">Which word, and what is allowed.</param>
    /// <param name="innerException">The cause.</param>
    public GuestOptionException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
