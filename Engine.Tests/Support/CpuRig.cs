using System.Buffers.Binary;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Memory;
using Iced.Intel;

namespace Hyperpatch.Engine.Tests.Support;

/// <summary>
/// The software processor by itself, in a mode that is set up ready: the test sets registers, gives code, and looks at all of the state
/// afterwards. UD2 ends a run; every vector has a handler of its own, whose HLT ends it too.
/// </summary>
internal sealed class CpuRig : IDisposable
{
    /// <summary>Selectors: code and data of the processor's mode at CPL 0, then those of CPL 3, as SYSCALL and SYSEXIT want them in a row.</summary>
    public const int Code64 = 0x08, Data = 0x10, UserCode32 = 0x1B, UserData = 0x23, UserCode64 = 0x2B, Code32 = 0x30, Code16 = 0x38, Task = 0x40;

    /// <summary>First selector that is the test's own; there is room for 20 descriptors.</summary>
    public const int Free = 0x60;

    /// <summary>Linear addresses: tables, code, data (128 bytes that rows compare), the top of the stack and that of CPL 0's.</summary>
    public const ulong Gdt = 0x1000, Idt = 0x2000, Tss = 0x3000, Tables = 0x6000, Handlers = 0xA000, Code = 0x10000, DataArea = 0x20000,
        StackTop = 0x38000, InnerStack = 0x48000;

    private const uint TssLimit = 0x20FF;
    private readonly GuestMemory _memory = new(8 << 20);
    private readonly SoftwareProcessor _processor;
    private readonly bool _isLong;
    private readonly int _bits;

    /// <summary>Makes one.</summary>
    /// <param name="bits">16: real mode; 32: protected mode without paging, or with <paramref name="isLong"/> compatibility mode; 64.</param>
    /// <param name="vendor">Vendor of the processor.</param>
    /// <param name="cpl">0, or 3 in protected modes.</param>
    /// <param name="isLong">Long mode; always so for 64 bits.</param>
    public CpuRig(int bits, GuestVendor vendor = GuestVendor.Intel, int cpl = 0, bool isLong = false)
    {
        _bits = bits;
        _isLong = isLong || bits == 64;
        Cpu = new Cpu(new SoftwarePartition(_memory, vendor.Cpu()), 0);
        _processor = new SoftwareProcessor(Cpu, 0);
        Cpu.Apic.IsWaitingForStartup = false;
        FillTables();
        if (bits == 16)
        {
            Cpu.Cr0 = 0x30;
            SetSegment(Seg.Cs, 0x1000, Code, 0xFFFF, 0x9B, 0);
            foreach (int index in (int[])[Seg.Ds, Seg.Es, Seg.Fs, Seg.Gs])
            {
                SetSegment(index, 0x2000, DataArea, 0xFFFF, 0x93, 0);
            }

            SetSegment(Seg.Ss, 0x3000, 0x30000, 0xFFFF, 0x93, 0);
            Cpu.Idt = new DescriptorTable(0, 0x3FF);
        }
        else
        {
            SetProtected(cpl);
        }

        Cpu.Gdt = new DescriptorTable(Gdt, 0xFF);
        R = new GuestRegisters { Rsp = bits == 16 ? StackTop - 0x30000 : StackTop, Rflags = 2 };
        Cpu.StateChanged(cpl);
    }

    /// <summary>The processor.</summary>
    public Cpu Cpu { get; }

    /// <summary>The contract over it.</summary>
    public IProcessor Processor => _processor;

    /// <summary>Its general registers, RIP and RFLAGS.</summary>
    public ref GuestRegisters R => ref Cpu.R.Guest;

    /// <summary>Addresses (as RIP has them) of the instructions that were loaded, and of the UD2 behind them.</summary>
    public IReadOnlyList<ulong> Starts { get; private set; } = [];

    /// <summary>The loaded instructions, without the UD2.</summary>
    public IReadOnlyList<Instruction> Instructions { get; private set; } = [];

    /// <summary>Ports that were asked for, in order.</summary>
    public List<int> Ports { get; } = [];

    /// <summary>RIP of the UD2.</summary>
    public ulong End => Starts[^1];

    /// <summary>Assembles code and sets RIP to it.</summary>
    /// <param name="emit">Writes it.</param>
    /// <param name="rip">Where, other than <see cref="Code"/>.</param>
    /// <param name="bits">Width of the code, where it is not the processor's.</param>
    public void Load(Action<Assembler> emit, ulong? rip = null, int? bits = null)
    {
        Assembler c = new(bits ?? _bits);
        emit(c);
        Instructions = [.. c.Instructions];
        c.ud2();
        using MemoryStream stream = new();
        ulong origin = rip ?? (_bits == 16 ? 0 : Code);
        AssemblerResult result = c.Assemble(new StreamCodeWriter(stream), origin, BlockEncoderOptions.ReturnNewInstructionOffsets);
        Starts = [.. result.Result[0].NewInstructionOffsets.Select(offset => origin + offset)];
        Write(rip ?? Code, stream.ToArray());
        R.Rip = origin;
    }

    /// <summary>Runs until UD2, a handler, or the guest's own HLT. IN answers with ones.</summary>
    public RigEnd Run()
    {
        VmExit exit = default;
        for (int i = 0; i < 1000; i++)
        {
            _processor.Run(ref exit);
            switch (exit.Reason)
            {
                case ExitReason.PortIo:
                    Ports.Add(exit.Port);
                    _processor.ExitData.Fill(0xFF);
                    break;
                case ExitReason.Halt:
                    ulong at = Cpu.CodeBase + R.Rip;
                    VmExit none = default;
                    Assert.False(_processor.CompletePending(ref none));
                    if (at - Handlers < 0x1000)
                    {
                        Cpu.SetHalted(false);
                        return ReadFrame((int)(at - Handlers) / 16);
                    }

                    // The guest's own: it would sleep for good.
                    if (Cpu.PendingDebug == 0)
                    {
                        return new RigEnd(ExitReason.Interrupted, -1);
                    }

                    break;
                case ExitReason.Cpuid:
                    break;
                default:
                    return new RigEnd(exit.Reason, -1);
            }
        }

        return new RigEnd(ExitReason.None, -1);
    }

    /// <summary>Writes memory.</summary>
    public void Write(ulong address, ReadOnlySpan<byte> bytes) => Assert.True(_memory.TryWrite(address, bytes));

    /// <summary>Writes 8 bytes of memory.</summary>
    public void Write(ulong address, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Write(address, bytes);
    }

    /// <summary>Reads memory.</summary>
    /// <param name="address">Where.</param>
    /// <param name="size">1 to 8 bytes.</param>
    public ulong Read(ulong address, int size = 8)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        Assert.True(_memory.TryRead(address, bytes[..size]));
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>Writes a descriptor into the GDT.</summary>
    public void SetDescriptor(int selector, ulong low) => Write(Gdt + ((ulong)selector & 0xF8), low);

    /// <summary>Sets a model-specific register.</summary>
    public void SetMsr(uint index, ulong value) => Assert.True(Cpu.TryWriteMsr(index, value));

    /// <summary>Reads a model-specific register.</summary>
    public ulong GetMsr(uint index)
    {
        Assert.True(Cpu.TryReadMsr(index, out ulong value));
        return value;
    }

    /// <summary>Maps a 2 MiB page of the lowest 8 MiB absent.</summary>
    /// <param name="linear">An address in it.</param>
    public void Unmap(ulong linear) => Write(Tables + 0x2000 + ((linear >> 21) * 8), 0UL);

    /// <summary>Sets a segment register as it is hidden in the processor.</summary>
    public void SetSegment(int index, int selector, ulong start, uint limit, byte access, byte flags) => Cpu.Segments[index] = new SegmentRegister
    {
        Selector = (ushort)selector,
        Base = start,
        Limit = limit,
        Access = access,
        Flags = flags,
    };

    public void Dispose() => _memory.Dispose();

    private void SetProtected(int cpl)
    {
        byte level = (byte)(cpl << 5);
        Cpu.Cr0 = 0x31;
        Cpu.Cr4 = 0x600;
        if (_isLong)
        {
            Cpu.Cr0 |= 0x8001_0000;
            Cpu.Cr4 |= 0x20;
            Cpu.Cr3 = Tables;
            Cpu.Efer = 0xD00;
        }

        int code = _bits == 64 ? (cpl == 0 ? Code64 : UserCode64) : cpl == 0 ? Code32 : UserCode32;
        SetSegment(Seg.Cs, code, 0, uint.MaxValue, (byte)(0x9B | level), (byte)(_bits == 64 ? 0xA : 0xC));
        for (int index = 0; index < 6; index++)
        {
            if (index != Seg.Cs)
            {
                SetSegment(index, cpl == 0 ? Data : UserData, 0, uint.MaxValue, (byte)(0x93 | level), 0xC);
            }
        }

        Cpu.Tr = new SegmentRegister { Selector = Task, Base = Tss, Limit = TssLimit, Access = 0x8B };
        Cpu.Idt = new DescriptorTable(Idt, 0xFFF);
    }

    private void FillTables()
    {
        ulong[] descriptors =
        [
            0, 0x00AF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF, 0x00CF_FB00_0000_FFFF, 0x00CF_F300_0000_FFFF, 0x00AF_FB00_0000_FFFF,
            0x00CF_9B00_0000_FFFF, 0x0000_9B01_0000_FFFF, 0x0000_8B00_3000_20FF, 0,
        ];
        for (int i = 0; i < descriptors.Length; i++)
        {
            SetDescriptor(i * 8, descriptors[i]);
        }

        for (ulong vector = 0; vector < 256; vector++)
        {
            ulong handler = Handlers + (vector * 16);
            Write(handler, [0xF4]);
            if (_bits == 16)
            {
                Write(vector * 4, [(byte)(vector << 4), (byte)(vector >> 4), 0, (byte)(Handlers >> 12)]);
                continue;
            }

            // INT3, INTO and 0x80 are the user's to raise.
            ulong dpl = vector is 3 or 4 or 0x80 ? 3UL : 0;
            ulong gate = handler | ((_isLong ? (ulong)Code64 : Code32) << 16) | ((0x8E | (dpl << 5)) << 40);
            Write(Idt + (vector * (_isLong ? 16UL : 8)), gate);
        }

        if (_isLong)
        {
            Write(Tables, (Tables + 0x1000) | 7);
            Write(Tables + 0x1000, (Tables + 0x2000) | 7);
            for (ulong i = 0; i < 4; i++)
            {
                Write(Tables + 0x2000 + (i * 8), (i << 21) | 0xE7);
            }

            Write(Tss + 4, InnerStack);
        }
        else
        {
            Write(Tss + 4, InnerStack | ((ulong)Data << 32));
        }

        // I/O permission map at 0x80, all refused; it ends with the segment.
        Write(Tss + 0x66, [0x80, 0]);
        Write(Tss + 0x80, [.. Enumerable.Repeat((byte)0xFF, (int)TssLimit + 1 - 0x80)]);
    }

    private RigEnd ReadFrame(int vector)
    {
        int size = _bits == 16 ? 2 : _isLong ? 8 : 4;
        ulong at = _bits == 16 ? 0x30000 + (ulong)(ushort)R.Rsp : R.Rsp;
        ulong error = 0;
        if (_bits != 16 && vector is 8 or (>= 10 and <= 14) or 17)
        {
            error = Read(at, size);
            at += (ulong)size;
        }

        return new RigEnd(ExitReason.Halt, vector)
        {
            Error = error,
            Rip = Read(at, size),
            Cs = (int)Read(at + (ulong)size, 2),
            Flags = Read(at + (ulong)(2 * size), size),
            Rsp = size == 8 ? Read(at + 24) : 0,
            Ss = size == 8 ? (int)Read(at + 32, 2) : 0,
        };
    }
}
