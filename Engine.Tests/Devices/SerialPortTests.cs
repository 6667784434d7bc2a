using System.Text;
using Hyperpatch.Engine.Devices;

namespace Hyperpatch.Engine.Tests.Devices;

/// <summary>The 16550 as a driver sees it.</summary>
public sealed class SerialPortTests
{
    private const int Data = 0;
    private const int InterruptEnable = 1;
    private const int LineControl = 3;
    private const int ModemControl = 4;
    private const int LineStatus = 5;
    private const int Scratch = 7;

    [Fact]
    public void Output_is_read_from_any_position()
    {
        SerialPort port = new();
        Write(port, "hello");
        Assert.Equal("hello", Text(port, 0, out long next));
        Assert.Equal(5, next);
        Write(port, " world");
        Assert.Equal(" world", Text(port, next, out next));
        Assert.Equal(string.Empty, Text(port, next, out next));
        Assert.Equal((11, 11), (next, port.Written));
        Assert.Equal(string.Empty, Text(port, 1000, out next));
        Assert.Equal(11, next);
        Assert.Equal("hello world", Text(port, -5, out _));
    }

    [Fact]
    public void Oldest_output_goes_when_there_is_too_much()
    {
        SerialPort port = new();
        for (int i = 0; i < SerialPort.OutputCapacity + 1000; i++)
        {
            port.Write(Data, 1, (uint)(i % 251));
        }

        byte[] kept = port.ReadOutput(0, out long next);
        Assert.Equal((SerialPort.OutputCapacity, SerialPort.OutputCapacity + 1000), (kept.Length, next));
        Assert.Equal(1000 % 251, kept[0]);
        Assert.Equal((SerialPort.OutputCapacity + 999) % 251, kept[^1]);
    }

    [Fact]
    public void Input_is_announced_and_taken_byte_by_byte()
    {
        SerialPort port = new();
        Assert.Equal(0x60u, port.Read(LineStatus, 1));
        Assert.Equal(0u, port.Read(Data, 1));
        Assert.Equal(2, port.SendInput("ab"u8));
        Assert.Equal(0x61u, port.Read(LineStatus, 1));
        Assert.Equal('a', port.Read(Data, 1));
        Assert.Equal('b', port.Read(Data, 1));
        Assert.Equal(0x60u, port.Read(LineStatus, 1));
    }

    [Fact]
    public void Input_beyond_the_queue_is_refused()
    {
        SerialPort port = new();
        Assert.Equal(SerialPort.InputCapacity, port.SendInput(new byte[SerialPort.InputCapacity + 1]));
        Assert.Equal(0, port.SendInput([1]));
        _ = port.Read(Data, 1);
        Assert.Equal(1, port.SendInput([1, 2]));
    }

    [Fact]
    public void Divisor_latch_hides_the_data_register()
    {
        SerialPort port = new();
        port.Write(LineControl, 1, 0x83);
        port.Write(Data, 1, 0x0C);
        port.Write(InterruptEnable, 1, 0x01);
        Assert.Equal((0x0Cu, 0x01u), (port.Read(Data, 1), port.Read(InterruptEnable, 1)));
        port.Write(LineControl, 1, 0x03);
        Assert.Equal(0, port.Written);
        Assert.Equal(0x03u, port.Read(LineControl, 1));
        port.Write(Data, 1, 'x');
        Assert.Equal("x", Text(port, 0, out _));
    }

    [Fact]
    public void Loop_back_returns_what_is_sent()
    {
        SerialPort port = new();
        port.Write(ModemControl, 1, 0x10);
        port.Write(Data, 1, 0xAE);
        Assert.Equal(0xAEu, port.Read(Data, 1));
        Assert.Equal(0, port.Written);
        // A guest that loops back without reading does not fill the host's memory.
        for (int i = 0; i < SerialPort.InputCapacity * 2; i++)
        {
            port.Write(Data, 1, 1);
        }

        Assert.Equal(0, port.SendInput([1]));
    }

    [Fact]
    public void Scratch_register_holds_its_value()
    {
        SerialPort port = new();
        port.Write(Scratch, 1, 0x5A);
        Assert.Equal(0x5Au, port.Read(Scratch, 1));
    }

    private static void Write(SerialPort port, string text)
    {
        foreach (char letter in text)
        {
            port.Write(Data, 1, letter);
        }
    }

    private static string Text(SerialPort port, long from, out long next) => Encoding.Latin1.GetString(port.ReadOutput(from, out next));
}
