using System.Text.Json;
using System.Text.Json.Serialization;
using Hyperpatch.Web.Machines.Commands;

namespace Hyperpatch.Web.Api;

/// <summary>Reads a request's JSON strictly: a field that is misspelt or of the wrong kind is named in the answer.</summary>
internal static class JsonBody
{
    private static readonly JsonSerializerOptions s_options = new(JsonSerializerDefaults.Web)
    {
        NumberHandling = JsonNumberHandling.Strict,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>The body as an object.</summary>
    public static async Task<CommandResult<T>> ReadAsync<T>(HttpRequest request) where T : class
    {
        if (!request.HasJsonContentType())
        {
            return CommandError.Invalid("body", "The body has to be JSON (Content-Type: application/json).");
        }

        try
        {
            T? value = await JsonSerializer.DeserializeAsync<T>(request.Body, s_options, request.HttpContext.RequestAborted);
            return value is null ? CommandError.Invalid("body", "The body has to be a JSON object.") : (CommandResult<T>)value;
        }
        catch (JsonException exception)
        {
            string field = exception.Path is { Length: > 2 } path && path.StartsWith("$.", StringComparison.Ordinal) ? path[2..] : "body";
            return CommandError.Invalid(field, field == "body"
                ? "The body is not a JSON object of the expected form."
                : $"Field \"{field}\" is not known, or its value is of the wrong kind.");
        }
    }
}
