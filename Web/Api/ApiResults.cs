using Hyperpatch.Web.Machines.Commands;

namespace Hyperpatch.Web.Api;

/// <summary>Turns what commands give into HTTP answers (errors: problem details, RFC 9457).</summary>
internal static class ApiResults
{
    /// <summary>200 with a value made of the result, or the error.</summary>
    public static IResult Of<T>(CommandResult<T> result, Func<T, object> body) where T : class =>
        result.Succeeded(out T? value, out CommandError? error) ? Results.Ok(body(value)) : Problem(error);

    /// <summary>204, or the error.</summary>
    public static IResult NoContent<T>(CommandResult<T> result) where T : class =>
        result.Succeeded(out _, out CommandError? error) ? Results.NoContent() : Problem(error);

    /// <summary>The error as problem details.</summary>
    public static IResult Problem(CommandError error) => error.Kind switch
    {
        CommandErrorKind.Invalid => Results.ValidationProblem(error.Fields.ToDictionary(), detail: error.Message),
        CommandErrorKind.Forbidden => Results.Problem(error.Message, statusCode: StatusCodes.Status403Forbidden),
        CommandErrorKind.NotFound => Results.Problem(error.Message, statusCode: StatusCodes.Status404NotFound),
        CommandErrorKind.Conflict => Results.Problem(error.Message, statusCode: StatusCodes.Status409Conflict),
        CommandErrorKind.Busy => Results.Problem(error.Message, statusCode: StatusCodes.Status429TooManyRequests),
        _ => Results.Problem(error.Message, statusCode: StatusCodes.Status422UnprocessableEntity),
    };
}
