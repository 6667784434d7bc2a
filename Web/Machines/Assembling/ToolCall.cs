namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>A program to run as a child process, without a shell.</summary>
/// <param name="Program">Its path.</param>
/// <param name="Arguments">Its arguments, one by one.</param>
/// <param name="Folder">Its working directory.</param>
/// <param name="Input">What it reads on standard input.</param>
internal sealed record ToolCall(string Program, IReadOnlyList<string> Arguments, string Folder, string Input);
