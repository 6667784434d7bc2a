namespace Hyperpatch.Web.Export;

/// <summary>A moment in a trace.</summary>
/// <param name="Name">What happened, in a few words.</param>
/// <param name="Category">Its kind.</param>
/// <param name="At">When.</param>
/// <param name="Processor">Index of the processor, or null where it is about the whole machine.</param>
/// <param name="Arguments">More about it: texts and whole numbers by name.</param>
internal sealed record TraceEvent(string Name, string Category, DateTimeOffset At, int? Processor, IReadOnlyList<KeyValuePair<string, object?>> Arguments);
