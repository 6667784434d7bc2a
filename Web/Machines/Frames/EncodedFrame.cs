using System.Text.Json;
using System.Text.Json.Serialization;
using Hyperpatch.Engine.Machine.Frames;
using MessagePack;

namespace Hyperpatch.Web.Machines.Frames;

/// <summary>A frame with its bytes in each protocol, made when the first watcher needs them and shared by all.</summary>
[JsonConverter(typeof(EncodedFrameJsonConverter))]
public sealed class EncodedFrame(MachineFrame frame)
{
    internal static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    // Several connections may ask at once; one of them encodes, the others wait the microseconds that it takes.
    private readonly Lazy<byte[]> _json = new(() => JsonSerializer.SerializeToUtf8Bytes(frame, Json));
    private readonly Lazy<byte[]> _messagePack = new(() => MessagePackSerializer.Serialize(frame, EncodedFrameFormatter.FrameOptions));

    /// <summary>The frame itself.</summary>
    public MachineFrame Frame => frame;

    /// <summary>UTF-8 JSON.</summary>
    public ReadOnlyMemory<byte> JsonBytes => _json.Value;

    /// <summary>MessagePack.</summary>
    public ReadOnlyMemory<byte> MessagePackBytes => _messagePack.Value;
}
