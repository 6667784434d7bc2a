using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Hypercalls;

namespace Hyperpatch.Engine.Machine.Frames;

/// <summary>
/// Handling times of hypercalls by number, from the records that the pump reads anyhow: of those that it missed, nothing. The pump's
/// thread only; adding allocates nothing.
/// </summary>
internal sealed class CallTimes
{
    private readonly long[] _counts = new long[(HypercallNumber.TableSize + 1) * LatencyHistogram.BucketCount];
    private readonly uint[] _longest = new uint[HypercallNumber.TableSize + 1];

    /// <summary>Adds a call.</summary>
    /// <param name="number">Its number; those without a name count together.</param>
    /// <param name="nanoseconds">How long it was handled.</param>
    public void Add(ulong number, uint nanoseconds)
    {
        int index = (int)Math.Min(number, HypercallNumber.TableSize);
        _counts[(index * LatencyHistogram.BucketCount) + LatencyHistogram.Bucket(nanoseconds)]++;
        _longest[index] = Math.Max(_longest[index], nanoseconds);
    }

    /// <summary>Times of one number, or null when there are none.</summary>
    /// <param name="index">Number, or <see cref="HypercallNumber.TableSize"/> for those without a name.</param>
    public LatencyFigures? Of(int index) =>
        LatencyFigures.Of(_counts.AsSpan(index * LatencyHistogram.BucketCount, LatencyHistogram.BucketCount), _longest[index]);
}
