using Microsoft.AspNetCore.SignalR;

namespace Hyperpatch.Web.Hubs;

/// <summary>
/// Logs what goes wrong in a hub's method. The framework does so itself, but with a stack trace at level error also where a caller
/// was only told that a machine is not there; its own category is silent for that reason (see MachineSetup).
/// </summary>
internal sealed partial class HubFailureFilter(ILogger<HubFailureFilter> logger) : IHubFilter
{
    /// <inheritdoc/>
    public async ValueTask<object?> InvokeMethodAsync(HubInvocationContext invocationContext, Func<HubInvocationContext, ValueTask<object?>> next)
    {
        try
        {
            return await next(invocationContext);
        }
        catch (HubException exception)
        {
            Refused(invocationContext.HubMethodName, exception.Message);
            throw;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            Failed(invocationContext.HubMethodName, exception);
            throw;
        }
    }

    [LoggerMessage(LogLevel.Debug, "{Method} was refused: {Reason}")]
    private partial void Refused(string method, string reason);

    [LoggerMessage(LogLevel.Error, "{Method} failed.")]
    private partial void Failed(string method, Exception exception);
}
