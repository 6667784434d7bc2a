namespace Hyperpatch.Engine.Tests.Web;

/// <summary>Waiting with an end: what never happens fails its test with a sentence instead of holding up the whole run.</summary>
internal static class Patience
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(50);

    /// <summary>Asks again and again until something is so.</summary>
    /// <param name="what">What is waited for.</param>
    /// <param name="isSo">Whether it is so.</param>
    public static Task UntilAsync(string what, Func<Task<bool>> isSo) => WithinAsync(what, async cancellation =>
    {
        while (!await isSo())
        {
            await Task.Delay(s_interval, cancellation);
        }
    });

    /// <summary>Does something that must come to its end.</summary>
    /// <param name="what">What is waited for.</param>
    /// <param name="work">Does it; stops when told to.</param>
    public static async Task WithinAsync(string what, Func<CancellationToken, Task> work)
    {
        CancellationToken test = TestContext.Current.CancellationToken;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(test);
        limit.CancelAfter(s_limit);
        try
        {
            await work(limit.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !test.IsCancellationRequested)
        {
            Assert.Fail($"Waited {s_limit.TotalSeconds:N0} s in vain: {what}.");
        }
    }
}
