using System.Diagnostics.CodeAnalysis;

namespace Hyperpatch.Web.Machines.Commands;

/// <summary>What a command gave: a value, or the reason why not.</summary>
/// <typeparam name="T">The value.</typeparam>
public readonly record struct CommandResult<T> where T : class
{
    /// <summary>The value, where it was carried out.</summary>
    public T? Value { get; internal init; }

    /// <summary>The error, where it was not.</summary>
    public CommandError? Error { get; private init; }

    /// <summary>Whether it was carried out.</summary>
    /// <param name="value">The value.</param>
    /// <param name="error">The error.</param>
    public bool Succeeded([NotNullWhen(true)] out T? value, [NotNullWhen(false)] out CommandError? error)
    {
        value = Value;
        error = Error;
        return error is null;
    }

    /// <summary>A value.</summary>
    public static implicit operator CommandResult<T>(T value) => new() { Value = value };

    /// <summary>An error.</summary>
    public static implicit operator CommandResult<T>(CommandError error) => new() { Error = error };
}
