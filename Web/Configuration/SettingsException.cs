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
        new($"Setting {key} has the value \"{value}\"; allowed: {allowed}.");
}
