using System.Buffers.Binary;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Hyperpatch.Engine.Tests.Accelerators.Software.FloatFaultGuest;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>
/// What FNSTENV, FNSAVE and FXSAVE tell of the last instruction in each mode, and their faults (Intel SDM vol. 1, figures 8-9 to 8-12).
/// In software only: of 16-bit and 32-bit code hosts differ in what they run at all.
/// </summary>
public sealed class X87EnvironmentTests
{
    private const int NotAvailable = 7, PageFault = 14, Numeric = 16;

    private static readonly Dictionary<string, Action<Assembler>> s_instructions = new()
    {
        ["fnstenv"] = c => c.fnstenv(__[rbx]),
        ["fldenv"] = c => c.fldenv(__[rbx]),
        ["fnsave"] = c => c.fnsave(__[rbx]),
        ["frstor"] = c => c.frstor(__[rbx]),
        ["fbstp"] = c => c.fbstp(__tbyte_ptr[rbx]),
        ["fprem"] = c => c.fprem(),
    };

    [Theory]
    [InlineData("fnstenv", Emulated, false, NotAvailable)]
    [InlineData("fnstenv", TaskSwitched, true, NotAvailable)]
    [InlineData("fnstenv", NumericError, true, None)]
    [InlineData("fnsave", NumericError, true, None)]
    [InlineData("fldenv", NumericError, true, Numeric)]
    [InlineData("frstor", NumericError, true, Numeric)]
    [InlineData("frstor", TaskSwitched, false, NotAvailable)]
    [InlineData("fnstenv, half absent", 0, false, PageFault)]
    [InlineData("fnsave, half absent", 0, false, PageFault)]
    [InlineData("fldenv, half absent", 0, false, PageFault)]
    [InlineData("frstor, half absent", 0, false, PageFault)]
    [InlineData("fbstp, half absent", 0, false, PageFault)]
    [InlineData("fprem", NumericError, true, Numeric)]
    public void What_may_not_run_is_an_exception_and_leaves_all_as_it_was(string what, int cr0Set, bool isPending, int vector)
    {
        ulong area = Page + (what.EndsWith("half absent", StringComparison.Ordinal) ? 0xFFCUL : 0x800);
        using FloatFaultGuest guest = FloatFaultGuest.Run(cr0Set, 0, isPending, area, c => c.fninit(), s_instructions[what.Split(',')[0]]);
        Assert.Equal(vector, guest.Vector);
        if (guest.Vector != None)
        {
            // Also where the last instruction was: this one has not been there.
            TestMachine machine = guest.Machine;
            Assert.Equal(machine.Words(guest.Before, 3), machine.Words(guest.After, 3));
            Assert.Equal(machine.Words(guest.Before + 32, 16), machine.Words(guest.After + 32, 16));
            Assert.Equal(0UL, machine.Word(guest.Memory + 0xFF8));
        }
    }

    [Fact]
    public void Of_the_last_instruction_its_place_its_operand_and_its_opcode_are_told_but_not_of_control_instructions()
    {
        ulong area = 0, narrow = 0, environment = 0, number = 0;
        using TestMachine machine = TestMachine.Run(Backend.Software, b =>
        {
            Assembler c = b.Code;
            area = b.Reserve(512, 16);
            narrow = b.Reserve(512, 16);
            environment = b.Reserve(32, 16);
            number = b.Reserve(8);
            c.mov(rbx, number);
            c.fninit();
            b.Define("load");
            c.fld(__qword_ptr[rbx]);
            b.Define("last");
            c.fadd(st0, st0);
            c.fnstsw(ax);
            c.fnclex();
            c.wait();
            c.fxsave64(__[area]);
            c.fxsave(__[narrow]);
            c.fnstenv(__[environment]);
            b.Exit(0);
        });
        ulong last = machine.Image["last"];
        const ulong Opcode = 0x0C0;
        Assert.Equal(Opcode, machine.Word(area) >> 48);
        Assert.Equal(last, machine.Word(area + 8));
        Assert.Equal(number, machine.Word(area + 16));
        Assert.Equal((uint)last | (8UL << 32), machine.Word(narrow + 8));
        Assert.Equal((uint)number | (0x10UL << 32), machine.Word(narrow + 16));
        Assert.Equal((uint)last | ((8 | (Opcode << 16)) << 32), machine.Word(environment + 12));
        Assert.Equal((uint)number | (0xFFFF_0010UL << 32), machine.Word(environment + 20));
    }

    [Theory]
    [InlineData(GuestVendor.Intel, false, true)]
    [InlineData(GuestVendor.Intel, true, true)]
    [InlineData(GuestVendor.Amd, false, false)]
    [InlineData(GuestVendor.Amd, true, true)]
    public void Amd_saves_pointers_only_of_what_is_pending(GuestVendor vendor, bool isPending, bool isSaved)
    {
        ulong area = 0;
        using TestMachine machine = TestMachine.Run(
            Backend.Software,
            b =>
            {
                Assembler c = b.Code;
                area = b.Reserve(512, 16);
                c.fninit();
                c.push(isPending ? 0x37B : 0x37F);
                c.fldcw(__word_ptr[rsp]);
                c.fld1();
                c.fldz();
                b.Define("last");
                c.fdivp(st1, st0);
                c.fxsave64(__[area]);
                b.Exit(0);
            },
            vendor);
        Assert.Equal(isSaved ? machine.Image["last"] : 0, machine.Word(area + 8));
    }

    /// <summary>In real-address mode pointers are linear addresses, in pieces around the opcode.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Real_mode_has_a_layout_of_its_own(bool isWide)
    {
        const uint CodeBase = 0x1_0000, Origin = 0x8000, LoadAt = 5;
        GuestImage image = LegacyImage.Build(16, CodeBase, Origin, e =>
        {
            Assembler c = e.Code;
            c.mov(bx, 0x8765); // three bytes
            c.fninit(); // two
            c.fld(__dword_ptr[bx]);
            byte[][] stores =
            [
                [0xD9, 0x36, 0x00, 0x70], // FNSTENV at 0x7000
                [0xD9, 0x26, 0x00, 0x70], // FLDENV of the same
                [0xDD, 0x36, 0x00, 0x71], // FNSAVE at 0x7100
            ];
            foreach (byte[] store in stores)
            {
                c.db(isWide ? [0x66, .. store] : store);
            }

            LegacyImage.Exit(c, 0);
        });
        using TestMachine machine = TestMachine.Create(Backend.Software, image);
        machine.RunToEnd(expected: 1);
        const uint Load = CodeBase + Origin + LoadAt, Data = LegacyImage.Data + 0x8765, Opcode = 0x107;
        foreach (uint at in new uint[] { 0x7000, 0x7100 })
        {
            byte[] bytes = new byte[28];
            Assert.True(machine.Machine.TryReadMemory(LegacyImage.Data + at, bytes));
            uint[] fields = isWide
                ? [.. Enumerable.Range(3, 4).Select(i => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(i * 4)))]
                : [.. Enumerable.Range(3, 4).Select(i => (uint)BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(i * 2)))];
            uint high = isWide ? 0xFFFF_0000 : 0;
            Assert.Equal([(ushort)(Load & 0xFFFF) | high, (Load >> 16 << 12) | Opcode, (Data & 0xFFFF) | high, Data >> 16 << 12], fields);
        }
    }
}
