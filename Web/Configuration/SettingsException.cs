namespace Hyperpatch.Web.Configuration;

/// <summary>A setting that cannot be used. The message is one line: the key, its value and what is allowed.</summary>
public sealed class SettingsException : Exception
{
    /// <summary>Creates the exception with the line to show.</summary>
    public SettingsException(string message) : base(message) { }

    /// <summary>Creates the exception with the line to show and what led to it.</summary>
    public SettingsException(string message, Exception innerException) : base(message, innerException) { }

    /// <summary>Creates the exception for one key.</summary>
    public static SettingsException ForKey(string key, string? value, string allowed) =>
        new($"Setting {key} has the value \"{value}\"; allowed: {allowed}.".ReplaceLineEndings(" "));

    /// <summary>
    /// Whether an exception of the framework's, from putting the program together or starting it, is of the kinds that it reports
    /// bad settings with. Others are mistakes in the program and keep their stack trace.
    /// </summary>
    internal static bool IsAboutSettings(Exception exception) =>
        exception is InvalidOperationException or FormatException or InvalidDataException or ArgumentException or NotSupportedException or IOException
            or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException or Microsoft.Extensions.Options.OptionsValidationException;

    /// <summary>The line for what the framework says about a setting.</summary>
    internal static SettingsException Of(Exception exception)
    {
        Exception cause = exception.GetBaseException();
        string text = ReferenceEquals(cause, exception) ? exception.Message : $"{exception.Message} {cause.Message}";
        string line = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return new SettingsException($"The settings cannot be used: {line}", exception);
    }
}
