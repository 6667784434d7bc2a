namespace Hyperpatch.Engine.Devices;

/// <summary>A device on the port bus. Called by any processor's thread; whatever the guest sends, it never throws.</summary>
public interface IPortDevice
{
    /// <summary>First port.</summary>
    ushort Base { get; }

    /// <summary>Number of ports.</summary>
    int Length { get; }

    /// <summary>IN.</summary>
    /// <param name="offset">Port less <see cref="Base"/>.</param>
    /// <param name="size">1, 2 or 4 bytes.</param>
    uint Read(int offset, int size);

    /// <summary>OUT.</summary>
    /// <param name="offset">Port less <see cref="Base"/>.</param>
    /// <param name="size">1, 2 or 4 bytes.</param>
    /// <param name="value">The value, upper bytes zero.</param>
    void Write(int offset, int size, uint value);
}
