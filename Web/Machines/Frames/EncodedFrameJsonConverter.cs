using System.Text.Json;
using System.Text.Json.Serialization;
using Hyperpatch.Engine.Machine.Frames;

namespace Hyperpatch.Web.Machines.Frames;

/// <summary>Copies the bytes of an <see cref="EncodedFrame"/> into a message.</summary>
internal sealed class EncodedFrameJsonConverter : JsonConverter<EncodedFrame>
{
    /// <inheritdoc/>
    public override EncodedFrame? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        JsonSerializer.Deserialize<MachineFrame>(ref reader, EncodedFrame.Json) is { } frame ? new EncodedFrame(frame) : null;

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, EncodedFrame value, JsonSerializerOptions options) =>
        writer.WriteRawValue(value.JsonBytes.Span, skipInputValidation: true);
}
