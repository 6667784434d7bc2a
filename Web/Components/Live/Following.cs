namespace Hyperpatch.Web.Components.Live;

/// <summary>
/// Work that goes on for as long as a component shows something. What went on before is told to end at once: a wait for that would be a
/// moment in which the component is left, or shows a third thing, and the work begun behind it would never end. On the component's dispatcher only.
/// </summary>
internal sealed class Following : IDisposable
{
    private CancellationTokenSource? _current;
    private bool _isOver;

    /// <summary>Begins work in the place of what went on before; nothing any more once disposed of.</summary>
    /// <param name="work">The work, which ends when its token says so.</param>
    public void Begin(Func<CancellationToken, Task> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        End();
        if (!_isOver)
        {
            _current = new CancellationTokenSource();
            _ = work(_current.Token);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _isOver = true;
        End();
    }

    private void End()
    {
        _current?.Cancel();
        _current?.Dispose();
        _current = null;
    }
}
