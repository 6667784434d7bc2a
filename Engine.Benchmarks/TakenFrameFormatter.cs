using Hyperpatch.Web.Machines.Frames;
using MessagePack;
using MessagePack.Formatters;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>Reads a <see cref="TakenFrame"/> out of a watch message.</summary>
internal sealed class TakenFrameFormatter : IMessagePackFormatter<TakenFrame>
{
    public void Serialize(ref MessagePackWriter writer, TakenFrame value, MessagePackSerializerOptions options) =>
        throw new NotSupportedException("Watchers only read.");

    public TakenFrame Deserialize(ref MessagePackReader reader, MessagePackSerializerOptions options)
    {
        long dropped = 0;
        for (int left = reader.ReadMapHeader(); left > 0; left--)
        {
            if (string.Equals(reader.ReadString(), nameof(WatchMessage.Dropped), StringComparison.OrdinalIgnoreCase))
            {
                dropped = reader.ReadInt64();
            }
            else
            {
                reader.Skip();
            }
        }

        return new TakenFrame(dropped);
    }
}
