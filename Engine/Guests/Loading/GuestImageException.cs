namespace Hyperpatch.Engine.Guests.Loading;

/// <summary>An image file cannot be loaded; the message says what in it is wrong, or which option does not fit it.</summary>
public sealed class GuestImageException : Exception
{
    /// <summary>Makes one without a message.</summary>
    public GuestImageException()
    {
    }

    /// <summary>Makes one about the file itself.</summary>
    /// <param name="message">What is wrong.</param>
    public GuestImageException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one with a cause.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">The cause.</param>
    public GuestImageException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Makes one about an option.</summary>
    /// <param name="field">Name of the option as in the API, such as <c>loadAddress</c>.</param>
    /// <param name="message">What is wrong.</param>
    public GuestImageException(string field, string message)
        : base(message)
    {
        Field = field;
    }

    /// <summary>Name of the option as in the API; <c>image</c> for the file itself.</summary>
    public string Field { get; } = "image";
}
