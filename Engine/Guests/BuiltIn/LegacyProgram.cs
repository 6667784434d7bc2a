using Hyperpatch.Engine.Guests.Images;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Guests.BuiltIn;

/// <summary>
/// The program that the real-mode and the protected-mode guest share: hypercalls in both forms, UD2s counted by the
/// guest's own handler, a line over serial, the end. It uses 32-bit registers in both modes.
/// </summary>
internal sealed class LegacyProgram
{
    /// <summary>Offset into CS of the instruction that is meant to raise #UD.</summary>
    public const uint UndefinedSite = 0x800;

    /// <summary>Name of the #UD handler.</summary>
    public const string UndefinedHandler = "count_undefined";

    /// <summary>Name of the handler of everything else.</summary>
    public const string OtherHandler = "unexpected_exception";

    private const int Undefined = 2;

    private readonly string _name;
    private readonly bool _wide;
    private readonly CodeEmitter _emitter;
    private readonly Assembler _c;
    private readonly uint _dataBase;
    private readonly DataArea _data;
    private readonly uint _counted;
    private readonly uint _right;
    private int _calls;

    /// <summary>Assembles it.</summary>
    /// <param name="name">The guest's name, for what it prints.</param>
    /// <param name="bitness">16 or 32.</param>
    /// <param name="data">Guest-physical address of its data.</param>
    /// <param name="dataBase">Base of DS.</param>
    public LegacyProgram(string name, int bitness, uint data, uint dataBase)
    {
        _name = name;
        _wide = bitness == 32;
        _emitter = new CodeEmitter(bitness, 0);
        _c = _emitter.Code;
        _data = new DataArea(data, data + 0x1000);
        _dataBase = dataBase;
        _counted = Offset(_data.Reserve(4));
        _right = Offset(_data.Reserve(4));
        Emit();
    }

    /// <summary>Encodes the code for CS offsets and places it.</summary>
    /// <param name="codeBase">Base of CS.</param>
    /// <param name="symbols">Receives the CS offsets of names.</param>
    public IEnumerable<GuestSegment> Segments(ulong codeBase, IDictionary<string, ulong> symbols)
    {
        var segments = new List<GuestSegment> { _data.ToSegment() };
        foreach (EncodedBlock block in _emitter.Encode(symbols))
        {
            segments.Add(new GuestSegment(codeBase + block.Address, block.Bytes));
        }

        return segments;
    }

    private void Emit()
    {
        _emitter.Define("entry");
        Call(GuestHypercall.VapicPollIrq, 0, intel: true);
        _c.call(_emitter.Symbol("undefined_site"));
        Call(GuestHypercall.SchedYield, 0, intel: false);
        Call(GuestHypercall.Unknown, GuestHypercall.NoSuchCall, intel: true);
        _c.call(_emitter.Symbol("undefined_site"));
        Call(GuestHypercall.Unknown + 1, GuestHypercall.NoSuchCall, intel: false);

        Print($"{_name}: ");
        PrintDigit(_right);
        Print($" of {_calls} hypercalls right, ");
        PrintDigit(_counted);
        Print($" of {Undefined} undefined instructions counted\n");

        Label wrong = _c.CreateLabel(), halt = _c.CreateLabel();
        _c.cmp(__dword_ptr[_right], _calls);
        _c.jne(wrong);
        _c.cmp(__dword_ptr[_counted], Undefined);
        _c.jne(wrong);
        _c.cli();
        _c.Label(ref halt);
        _c.hlt();
        _c.jmp(halt);
        _c.Label(ref wrong);
        Exit(1);

        EmitPrint();
        EmitHandlers();

        _emitter.At(UndefinedSite);
        _emitter.Define("undefined_site");
        _c.ud2();
        _c.ret();
    }

    private void Call(int number, int result, bool intel)
    {
        Label wrong = _c.CreateLabel();
        _c.mov(eax, number);
        _c.xor(ebx, ebx);
        _c.xor(ecx, ecx);
        _c.xor(edx, edx);
        _c.xor(esi, esi);
        _emitter.Define($"{(intel ? "intel" : "amd")}_site_{++_calls}");
        if (intel)
        {
            _c.vmcall();
        }
        else
        {
            _c.vmmcall();
        }

        _c.cmp(eax, result);
        _c.jne(wrong);
        _c.inc(__dword_ptr[_right]);
        _c.Label(ref wrong);
        _c.zero_bytes();
    }

    private void Print(string text)
    {
        _c.mov(esi, Offset(_data.AddText(text)));
        _c.call(_emitter.Symbol("serial_print"));
    }

    private void PrintDigit(uint variable)
    {
        _c.mov(al, __byte_ptr[variable]);
        _c.add(al, (sbyte)'0');
        _c.call(_emitter.Symbol("serial_put"));
    }

    private void Exit(byte value)
    {
        Label halt = _c.CreateLabel();
        _c.mov(al, value);
        _c.@out(0xF4, al);
        _c.cli();
        _c.Label(ref halt);
        _c.hlt();
        _c.jmp(halt);
    }

    private void EmitPrint()
    {
        Label full = _c.CreateLabel(), next = _c.CreateLabel(), end = _c.CreateLabel();
        _emitter.Define("serial_put");
        _c.mov(ah, al);
        _c.mov(dx, 0x3FD);
        _c.Label(ref full);
        _c.@in(al, dx);
        _c.test(al, 0x20);
        _c.je(full);
        _c.mov(al, ah);
        _c.mov(dx, 0x3F8);
        _c.@out(dx, al);
        _c.ret();

        _emitter.Define("serial_print");
        _c.Label(ref next);
        _c.mov(al, __byte_ptr[esi]);
        _c.test(al, al);
        _c.je(end);
        _c.call(_emitter.Symbol("serial_put"));
        _c.inc(esi);
        _c.jmp(next);
        _c.Label(ref end);
        _c.ret();
    }

    private void EmitHandlers()
    {
        // The frame is IP, CS, FLAGS, as wide as the mode.
        Label stray = _c.CreateLabel();
        _emitter.Define(UndefinedHandler);
        if (_wide)
        {
            _c.cmp(__dword_ptr[esp], UndefinedSite);
            _c.jne(stray);
            _c.add(__dword_ptr[esp], 2);
            _c.inc(__dword_ptr[_counted]);

            // EFLAGS by POPFD and the rest by RETF, not by IRETD: the kernel's emulator knows no IRET in protected mode.
            _c.push(__dword_ptr[esp + 8]);
            _c.popfd();
            _c.retf(4);
        }
        else
        {
            _c.push(bp);
            _c.mov(bp, sp);
            _c.cmp(__word_ptr[bp + 2], (ushort)UndefinedSite);
            _c.jne(stray);
            _c.add(__word_ptr[bp + 2], 2);
            _c.inc(__dword_ptr[_counted]);
            _c.pop(bp);
            _c.iret();
        }

        _c.Label(ref stray);
        Print($"panic: {_name}: #UD in the wrong place\n");
        Exit(3);

        _emitter.Define(OtherHandler);
        Print($"panic: {_name}: unexpected exception\n");
        Exit(3);
    }

    private uint Offset(ulong physical) => (uint)physical - _dataBase;
}
