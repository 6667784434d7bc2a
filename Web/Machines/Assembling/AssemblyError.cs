namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>A mistake in a source.</summary>
/// <param name="Line">Its line, from 1; null: no single one.</param>
/// <param name="Message">What is wrong.</param>
public sealed record AssemblyError(int? Line, string Message);
