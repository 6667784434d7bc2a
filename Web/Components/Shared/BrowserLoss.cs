using Microsoft.JSInterop;

namespace Hyperpatch.Web.Components.Shared;

/// <summary>Tells whether a call to the browser failed because nobody is there to answer, which is no error: people close pages.</summary>
public static class BrowserLoss
{
    /// <summary>Whether an exception means that the browser, or the page in it, is gone.</summary>
    /// <param name="exception">What a call to the browser threw.</param>
    public static bool Is(Exception exception) => exception
        is JSDisconnectedException or OperationCanceledException or ObjectDisposedException or InvalidOperationException

        // What the framework throws for a byte array that goes to a circuit which has just ended (RemoteJSRuntime.SendByteArray).
        or NullReferenceException;
}
