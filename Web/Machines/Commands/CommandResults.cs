namespace Hyperpatch.Web.Machines.Commands;

/// <summary>Makes results whose value is an interface, which no operator can convert.</summary>
internal static class CommandResults
{
    /// <summary>A value.</summary>
    public static CommandResult<T> Of<T>(T value) where T : class => new() { Value = value };
}
