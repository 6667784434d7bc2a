using System.Buffers;
using Hyperpatch.Engine.Machine.Frames;
using MessagePack;
using MessagePack.Formatters;
using MessagePack.Resolvers;

namespace Hyperpatch.Web.Machines.Frames;

/// <summary>Copies the bytes of an <see cref="EncodedFrame"/> into a MessagePack message.</summary>
internal sealed class EncodedFrameFormatter : IMessagePackFormatter<EncodedFrame?>
{
    /// <summary>How a frame is written: maps by member name, as SignalR writes everything else.</summary>
    public static readonly MessagePackSerializerOptions FrameOptions = MessagePackSerializerOptions.Standard
        .WithResolver(CompositeResolver.Create(DynamicEnumAsStringResolver.Instance, ContractlessStandardResolver.Instance))
        .WithSecurity(MessagePackSecurity.UntrustedData);

    /// <summary>What the hub's protocol is to use: the same, with this formatter in front.</summary>
    public static readonly MessagePackSerializerOptions HubOptions = FrameOptions.WithResolver(
        CompositeResolver.Create([new EncodedFrameFormatter()], [DynamicEnumAsStringResolver.Instance, ContractlessStandardResolver.Instance]));

    /// <inheritdoc/>
    public void Serialize(ref MessagePackWriter writer, EncodedFrame? value, MessagePackSerializerOptions options)
    {
        if (value is null)
        {
            writer.WriteNil();
            return;
        }

        writer.WriteRaw(value.MessagePackBytes.Span);
    }

    /// <inheritdoc/>
    public EncodedFrame? Deserialize(ref MessagePackReader reader, MessagePackSerializerOptions options)
    {
        if (reader.TryReadNil())
        {
            return null;
        }

        ReadOnlySequence<byte> raw = reader.ReadRaw();
        return new EncodedFrame(MessagePackSerializer.Deserialize<MachineFrame>(raw, FrameOptions));
    }
}
