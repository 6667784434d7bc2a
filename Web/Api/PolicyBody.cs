namespace Hyperpatch.Web.Api;

/// <summary>What is to be done with the wrong vendor's hypercalls.</summary>
/// <param name="Policy">faithful, force, emulate or inject.</param>
public sealed record PolicyBody(string? Policy);
