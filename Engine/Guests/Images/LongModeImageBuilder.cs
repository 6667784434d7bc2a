using System.Buffers.Binary;
using System.Collections.Immutable;
using Hyperpatch.Engine.Accelerators;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Guests.Images;

/// <summary>Collects code, data and mappings of a <see cref="LongModeImage"/>; see there for an example.</summary>
internal sealed class LongModeImageBuilder
{
    private readonly CodeEmitter _emitter;
    private readonly List<CodeEmitter> _otherCode = [];
    private readonly List<(ulong Linear, PageFlags Flags)> _protections = [];
    private readonly List<GuestSegment> _extra = [];
    private readonly Dictionary<int, (string Symbol, int Ist, int Dpl)> _handlers = [];
    private readonly PageTableBuilder _tables = new(LongModeLayout.PageTables, LongModeLayout.Pages);
    private readonly DataArea _data;
    private readonly DataArea _constants;
    private readonly ulong _text;
    private readonly ulong _readOnlyData;
    private readonly ulong _variables;
    private readonly Dictionary<string, ulong> _addresses = new(StringComparer.Ordinal);
    private ulong _nextPage;

    internal LongModeImageBuilder(LongModeOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Processors, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Processors, LongModeLayout.MaximumProcessors);
        Options = options;
        (_text, _readOnlyData, _variables, ulong end) = options.IsBelowProgram
            ? (LongModeLayout.LowText, LongModeLayout.LowReadOnlyData, LongModeLayout.LowData, LongModeLayout.Stacks)
            : (LongModeLayout.Text, LongModeLayout.ReadOnlyData, LongModeLayout.Data, LongModeLayout.End);
        _data = new DataArea(_variables, end);
        _constants = new DataArea(_readOnlyData, _variables);
        _emitter = new CodeEmitter(64, _text, options.Text);
        _nextPage = options.IsBelowProgram ? LongModeLayout.Stacks : LongModeLayout.Pages;
        MapIdentity();
        Define("entry");
    }

    /// <summary>What the image is to be like.</summary>
    public LongModeOptions Options { get; }

    /// <summary>Where 64-bit instructions are written to.</summary>
    public Assembler Code => _emitter.Code;

    /// <summary>The label of a name, which may be defined later.</summary>
    /// <param name="name">The name.</param>
    public Label Symbol(string name) => _emitter.Symbol(name);

    /// <summary>Gives the address of the next instruction a name; panics show it.</summary>
    /// <param name="name">The name, not defined before.</param>
    public void Define(string name) => _emitter.Define(name);

    /// <summary>
    /// Goes on at an address of its own, which may be any canonical one. Pages outside the identity map are taken and mapped
    /// for it. Pages inside it stay as they are, unless flags are given.
    /// </summary>
    /// <param name="linear">Address of the next instruction.</param>
    /// <param name="flags">Mapping of its pages; null: code outside the identity map, no change inside.</param>
    public void At(ulong linear, PageFlags? flags = null)
    {
        _emitter.At(linear, flags ?? PageFlags.Code);
        if (flags is { } wanted && linear < LongModeLayout.IdentityEnd)
        {
            Protect(linear, wanted);
        }
    }

    /// <summary>Goes on in the text area, behind what is there so far.</summary>
    public void BackToText() => _emitter.BackToMain();

    /// <summary>32-bit code at an address below 4 GiB, for compatibility mode. Its names must be different from all others.</summary>
    /// <param name="linear">Its address.</param>
    /// <param name="flags">Mapping of its first page; null: no change.</param>
    public CodeEmitter Code32At(ulong linear, PageFlags? flags = null)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(linear, LongModeLayout.IdentityEnd);
        var emitter = new CodeEmitter(32, linear);
        _otherCode.Add(emitter);
        if (flags is { } wanted)
        {
            Protect(linear, wanted);
        }

        return emitter;
    }

    /// <summary>Zeroed room for variables (writable, not executable).</summary>
    /// <param name="size">Bytes.</param>
    /// <param name="alignment">Power of two.</param>
    /// <returns>Its address, linear and guest-physical.</returns>
    public ulong Reserve(int size, int alignment = 8) => _data.Reserve(size, alignment);

    /// <summary>Constants (neither writable nor executable).</summary>
    /// <param name="content">Their content.</param>
    /// <param name="alignment">Power of two.</param>
    /// <returns>Their address, linear and guest-physical.</returns>
    public ulong Constant(ReadOnlySpan<byte> content, int alignment = 8) => _constants.Add(content, alignment);

    /// <summary>A constant text with a zero byte behind it.</summary>
    /// <param name="text">ASCII.</param>
    /// <returns>Its address, linear and guest-physical.</returns>
    public ulong Text(string text) => _constants.AddText(text);

    /// <summary>Bytes at an address of their own. Pages outside the identity map are taken and mapped for them.</summary>
    /// <param name="linear">Address.</param>
    /// <param name="content">The bytes; they stay within one page.</param>
    /// <param name="flags">Mapping of the page; null: data outside the identity map, no change inside.</param>
    public void BytesAt(ulong linear, ReadOnlySpan<byte> content, PageFlags? flags = null)
    {
        if (_tables.Translate(linear) is null)
        {
            MapNew(linear, 1, flags ?? PageFlags.Data);
        }
        else if (flags is { } wanted)
        {
            Protect(linear, wanted);
        }

        _extra.Add(new GuestSegment(_tables.Translate(linear)!.Value, content.ToArray()));
    }

    /// <summary>Maps memory at further linear addresses, writable and executable: in 2 MiB pages where both addresses allow it.</summary>
    /// <param name="linear">First linear address, a multiple of 4 KiB outside the identity map.</param>
    /// <param name="physical">Guest-physical address, a multiple of 4 KiB.</param>
    /// <param name="length">Bytes, a multiple of 4 KiB.</param>
    /// <returns>False when there is no room for the page tables.</returns>
    public bool TryMapAlso(ulong linear, ulong physical, ulong length)
    {
        const ulong Large = 0x20_0000;
        for (ulong done = 0; done < length;)
        {
            // A page takes three new tables at most.
            if (_tables.FreeTables < 3)
            {
                return false;
            }

            bool isLarge = (((linear + done) | (physical + done)) & (Large - 1)) == 0 && length - done >= Large;
            if (isLarge)
            {
                _tables.MapLarge(linear + done, physical + done, PageFlags.Code);
            }
            else
            {
                _tables.Map(linear + done, physical + done, PageFlags.Code);
            }

            done += isLarge ? Large : PageTableBuilder.PageSize;
        }

        return true;
    }

    /// <summary>Takes new pages and maps them.</summary>
    /// <param name="linear">Linear address of the first; its low 12 bits are ignored.</param>
    /// <param name="pages">How many.</param>
    /// <param name="flags">What may be done with them.</param>
    /// <returns>Guest-physical address of the first; the others follow it.</returns>
    public ulong MapNew(ulong linear, int pages, PageFlags flags)
    {
        ulong first = _nextPage;
        for (int i = 0; i < pages; i++)
        {
            if (_nextPage + PageTableBuilder.PageSize > LongModeLayout.Stacks)
            {
                throw new InvalidOperationException("No room is left for mapped pages.");
            }

            _tables.Map(linear + ((ulong)i * PageTableBuilder.PageSize), _nextPage, flags);
            _nextPage += PageTableBuilder.PageSize;
        }

        return first;
    }

    /// <summary>Maps one page to guest-physical memory of the caller's choice, such as an alias of another page.</summary>
    /// <param name="linear">Linear address; its low 12 bits are ignored.</param>
    /// <param name="physical">Guest-physical address; its low 12 bits are ignored.</param>
    /// <param name="flags">What may be done with it.</param>
    public void Map(ulong linear, ulong physical, PageFlags flags) => _tables.Map(linear, physical, flags);

    /// <summary>Changes what may be done with one page; <see cref="PageFlags.None"/> makes it absent. The last word on a page holds.</summary>
    /// <param name="linear">An address in the page.</param>
    /// <param name="flags">What may be done with it.</param>
    public void Protect(ulong linear, PageFlags flags) => _protections.Add((linear, flags));

    /// <summary>Takes a vector away from the default handlers.</summary>
    /// <param name="vector">0 to 255.</param>
    /// <param name="symbol">Name of the handler's first instruction.</param>
    /// <param name="ist">Interrupt stack table entry; 0: none, 1: the one of #DF.</param>
    /// <param name="dpl">Lowest privilege that may raise it by INT.</param>
    public void Handle(int vector, string symbol, int ist = 0, int dpl = 0) => _handlers[vector] = (symbol, ist, dpl);

    /// <summary>
    /// Code: from now on, the next exception without a handler of its own goes on at the given place, CPL 0, with RSP as it is
    /// here, after it was written down. No register is changed here; there all but RSP are as at the exception.
    /// </summary>
    /// <param name="symbol">Where to go on.</param>
    public void ExpectException(string symbol)
    {
        Assembler c = Code;
        c.push(rax);
        c.push(rcx);
        LoadRecordAddress();
        LoadAddress(rax, symbol);
        c.mov(__qword_ptr[rcx + ExceptionRecord.ResumeRipOffset], rax);
        c.lea(rax, __[rsp + 16]);
        c.mov(__qword_ptr[rcx + ExceptionRecord.ResumeRspOffset], rax);
        c.pop(rcx);
        c.pop(rax);
    }

    /// <summary>Code: goes to CPL 3 (IRETQ).</summary>
    /// <param name="symbol">Where, in pages with <see cref="PageFlags.User"/>.</param>
    /// <param name="stackTop">RSP there.</param>
    /// <param name="selector">CS: 64-bit code or, with <see cref="LongModeSelectors.UserCode32"/>, compatibility mode.</param>
    /// <remarks>RAX is changed.</remarks>
    public void EnterUser(string symbol, ulong stackTop, ushort selector = LongModeSelectors.UserCode)
    {
        Assembler c = Code;
        c.push(LongModeSelectors.UserData);
        c.mov(rax, stackTop);
        c.push(rax);
        c.push(2);
        c.push(selector);
        LoadAddress(rax, symbol);
        c.push(rax);
        c.iretq();
    }

    /// <summary>Code: loads the address of a name, however far away, 32-bit code's names included.</summary>
    /// <param name="register">Receives it.</param>
    /// <param name="symbol">The name, which may be defined later.</param>
    public void LoadAddress(AssemblerRegister64 register, string symbol) => Code.mov(register, __qword_ptr[AddressSlot(symbol)]);

    /// <summary>Code: calls a name, however far away.</summary>
    /// <param name="symbol">The name, which may be defined later.</param>
    public void CallFarAway(string symbol) => Code.call(__qword_ptr[AddressSlot(symbol)]);

    /// <summary>A constant of 8 bytes that holds the address of a name.</summary>
    /// <param name="symbol">The name, which may be defined later.</param>
    /// <returns>The constant's address.</returns>
    public ulong AddressSlot(string symbol)
    {
        if (!_addresses.TryGetValue(symbol, out ulong slot))
        {
            slot = _constants.Reserve(8);
            _addresses.Add(symbol, slot);
        }

        return slot;
    }

    /// <summary>Code: prints a text. All registers and flags but those of arithmetic are kept.</summary>
    /// <param name="text">ASCII.</param>
    public void Print(string text)
    {
        Code.push(rsi);
        Code.mov(rsi, Text(text));
        Code.call(Symbol(LongModeRuntime.Print));
        Code.pop(rsi);
    }

    /// <summary>Code: prints a register as an unsigned decimal number.</summary>
    /// <param name="register">Not RSP.</param>
    public void PrintDecimal(AssemblerRegister64 register) => PrintNumber(register, LongModeRuntime.Decimal);

    /// <summary>Code: prints a register as 0x... without leading zeros.</summary>
    /// <param name="register">Not RSP.</param>
    public void PrintHex(AssemblerRegister64 register) => PrintNumber(register, LongModeRuntime.Hex);

    /// <summary>Code: calls something by its name.</summary>
    /// <param name="symbol">The name.</param>
    public void Call(string symbol) => Code.call(Symbol(symbol));

    /// <summary>Code: ends the machine over port 0xF4 with status (<paramref name="value"/> shifted left by 1) + 1.</summary>
    /// <param name="value">What is written.</param>
    public void Exit(byte value)
    {
        Code.mov(al, value);
        Code.@out(0xF4, al);
        Halt();
    }

    /// <summary>Code: stops this processor for good: HLT with interrupts off. The machine stops, status 0, when all have.</summary>
    public void Halt()
    {
        Code.cli();
        Label again = Code.CreateLabel();
        Code.Label(ref again);
        Code.hlt();
        Code.jmp(again);
    }

    /// <summary>Code: writes a model-specific register. Changes RAX, RCX, RDX.</summary>
    /// <param name="index">Which.</param>
    /// <param name="value">The value.</param>
    public void WriteMsr(uint index, ulong value)
    {
        Code.mov(ecx, index);
        Code.mov(eax, (uint)value);
        Code.mov(edx, (uint)(value >> 32));
        Code.wrmsr();
    }

    /// <summary>Code: switches this processor's local APIC on, in x2APIC mode. Changes RAX, RCX, RDX.</summary>
    public void EnableLocalApic()
    {
        Code.mov(ecx, 0x1B);
        Code.rdmsr();
        Code.or(eax, 0xC00);
        Code.wrmsr();
        WriteMsr(X2Apic.Spurious, 0x100 | Vectors.Spurious);
    }

    /// <summary>Code: has the local APIC's timer interrupt again and again. Changes RAX, RCX, RDX.</summary>
    /// <param name="perSecond">Interrupts a second, 1 or more.</param>
    public void StartTimer(long perSecond)
    {
        WriteMsr(X2Apic.TimerDivide, X2Apic.DivideBy1);
        WriteMsr(X2Apic.TimerVector, X2Apic.Periodic | Vectors.Timer);
        WriteMsr(X2Apic.TimerInitialCount, (ulong)(X2Apic.TimerHertz / perSecond));
    }

    /// <summary>Code: the end of an interrupt handler: EOI, IRETQ. All registers are kept.</summary>
    public void EndOfInterrupt()
    {
        Code.push(rax);
        Code.push(rcx);
        Code.push(rdx);
        WriteMsr(X2Apic.EndOfInterrupt, 0);
        Code.pop(rdx);
        Code.pop(rcx);
        Code.pop(rax);
        Code.iretq();
    }

    /// <summary>Code: RCX = address of this processor's exception record.</summary>
    internal void LoadRecordAddress()
    {
        // The task register tells processors apart without any register or memory that an exception could have spoilt.
        Code.str(ecx);
        Code.sub(ecx, LongModeSelectors.Task);
        Code.shl(ecx, 2);
        Code.add(ecx, (int)LongModeLayout.ExceptionRecords);
    }

    internal LongModeImage Build()
    {
        _emitter.BackToMain();
        ulong symbolTable = _constants.Reserve((_emitter.Names.Count + LongModeRuntime.SymbolCount + 1) * 16);
        LongModeRuntime.Emit(this, symbolTable);

        var symbols = new Dictionary<string, ulong>(StringComparer.Ordinal);
        var segments = new List<GuestSegment>();
        AddCode(_emitter.Encode(symbols), segments);
        FillSymbolTable(symbolTable, symbols);
        foreach (CodeEmitter emitter in _otherCode)
        {
            AddCode(emitter.Encode(symbols), segments);
        }

        foreach ((string name, ulong slot) in _addresses)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(_constants.At(slot, 8), symbols[name]);
        }

        foreach ((ulong linear, PageFlags flags) in _protections)
        {
            _tables.Protect(linear, flags);
        }

        segments.AddRange(_extra);
        segments.Add(_constants.ToSegment());
        segments.Add(_data.ToSegment());
        segments.Add(new GuestSegment(LongModeLayout.ExceptionRecords, new byte[Options.Processors * ExceptionRecord.Size]));
        segments.Add(new GuestSegment(LongModeLayout.Gdt, DescriptorTables.Gdt(Options.Processors)));
        segments.Add(new GuestSegment(LongModeLayout.Tss, DescriptorTables.TaskStates(Options.Processors)));
        segments.Add(new GuestSegment(LongModeLayout.Idt, Idt(symbols)));
        segments.AddRange(_tables.Segments());
        RefuseOverlaps(segments);
        return new LongModeImage(
            new GuestImage { Segments = [.. segments], Processors = [.. Enumerable.Range(0, Options.Processors).Select(Start)] },
            symbols,
            _tables);
    }

    private static void RefuseOverlaps(List<GuestSegment> segments)
    {
        segments.Sort((a, b) => a.Address.CompareTo(b.Address));
        for (int i = 1; i < segments.Count; i++)
        {
            if (segments[i - 1].Address + (ulong)segments[i - 1].Bytes.Length > segments[i].Address)
            {
                throw new InvalidOperationException($"Two parts of the image overlap at 0x{segments[i].Address:X}.");
            }
        }
    }

    private void PrintNumber(AssemblerRegister64 register, string routine)
    {
        Code.push(rax);
        if (register != rax)
        {
            Code.mov(rax, register);
        }

        Code.call(Symbol(routine));
        Code.pop(rax);
    }

    private void MapIdentity()
    {
        for (ulong at = 0x20_0000; at < LongModeLayout.IdentityEnd; at += 0x20_0000)
        {
            _tables.MapLarge(at, at, PageFlags.Code);
        }

        for (ulong at = PageTableBuilder.PageSize; at < LongModeLayout.End; at += PageTableBuilder.PageSize)
        {
            _tables.Map(at, at, at switch
            {
                >= LongModeLayout.Text when Options.IsBelowProgram => PageFlags.Code,
                _ when at < _text => PageFlags.Data,
                _ when at < _readOnlyData => Options.Text,
                _ when at < _variables => PageFlags.ReadOnlyData,
                _ => PageFlags.Data,
            });
        }
    }

    private void AddCode(IReadOnlyList<EncodedBlock> blocks, List<GuestSegment> segments)
    {
        foreach (EncodedBlock block in blocks)
        {
            // A block that crosses pages outside the identity map may be in pages that do not follow each other.
            int done = 0;
            while (done < block.Bytes.Length)
            {
                ulong linear = block.Address + (ulong)done;
                int length = Math.Min(block.Bytes.Length - done, (int)(PageTableBuilder.PageSize - (linear & (PageTableBuilder.PageSize - 1))));
                if (_tables.Translate(linear) is null)
                {
                    MapNew(linear, 1, block.Flags);
                }

                segments.Add(new GuestSegment(_tables.Translate(linear)!.Value, block.Bytes.AsMemory(done, length)));
                done += length;
            }
        }
    }

    private void FillSymbolTable(ulong address, Dictionary<string, ulong> symbols)
    {
        foreach ((string name, ulong value) in symbols.OrderBy(symbol => symbol.Value))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(_constants.At(address, 8), value);
            BinaryPrimitives.WriteUInt64LittleEndian(_constants.At(address + 8, 8), Text(name));
            address += 16;
        }

        _constants.At(address, 8).Fill(0xFF);
    }

    private byte[] Idt(Dictionary<string, ulong> symbols)
    {
        byte[] table = new byte[256 * 16];
        for (int vector = 0; vector < 256; vector++)
        {
            if (!_handlers.TryGetValue(vector, out (string Symbol, int Ist, int Dpl) handler))
            {
                handler = (LongModeRuntime.DefaultHandler(vector), vector == Vectors.DoubleFault ? 1 : 0, 0);
            }

            DescriptorTables.WriteInterruptGate(
                table.AsSpan(vector * 16, 16), symbols[handler.Symbol], LongModeSelectors.Code, handler.Ist, handler.Dpl);
        }

        return table;
    }

    private ProcessorStart Start(int processor) => new()
    {
        Mode = GuestMode.Long,
        Rip = _text,
        Rsp = LongModeLayout.StackTop(processor),
        CodeSelector = LongModeSelectors.Code,
        DataSelector = LongModeSelectors.Data,
        Gdt = new DescriptorTable(LongModeLayout.Gdt, (ushort)(DescriptorTables.GdtLength(Options.Processors) - 1)),
        Idt = new DescriptorTable(LongModeLayout.Idt, 0xFFF),
        TaskSelector = (ushort)(LongModeSelectors.Task + (processor * 16)),
        TaskBase = LongModeLayout.Tss + ((ulong)processor * LongModeLayout.TssStride),
        TaskLimit = DescriptorTables.TaskStateLength - 1,
        Cr3 = _tables.Root,
        Cr0Clear = Options.Cr0Clear,
        Cr4Set = Options.Cr4Set,
        Rflags = Options.Rflags,
        Rdi = (ulong)processor,
    };
}
