namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>How a child process ended.</summary>
/// <param name="Status">Its exit status; 128 + N where signal N ended it; null: it took too long and was killed.</param>
/// <param name="Output">The beginning of what it wrote on standard output.</param>
/// <param name="Errors">The beginning of what it wrote on standard error.</param>
internal sealed record ToolResult(int? Status, string Output, string Errors);
