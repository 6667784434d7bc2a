namespace Hyperpatch.Engine.Accelerators.Software.Apic;

/// <summary>The registers as the guest reaches them.</summary>
internal sealed partial class LocalApic
{
    private const uint LocalMasked = 0x1_0000;
    private const uint SpuriousBits = 0x13FF;
    private const uint DivideBits = 0xB;
    private const uint CommandBits = 0xC_CFFF;
    private const uint DeliveryStatus = 0x1000;
    private const uint DestinationFormatFixed = 0x0FFF_FFFF;

    /// <summary>RDMSR of IA32_APIC_BASE, IA32_TSC_DEADLINE or 0x800 to 0x8FF.</summary>
    /// <param name="index">Which.</param>
    /// <param name="value">Receives the value.</param>
    /// <returns>False for #GP.</returns>
    public bool TryReadMsr(uint index, out ulong value)
    {
        value = 0;
        switch (index)
        {
            case MsrBase:
                value = _base;
                return true;
            case MsrTscDeadline:
                value = GetTimestampDeadline();
                return true;
        }

        uint register = index - MsrX2Apic;
        if (Mode != ApicMode.X2Apic || register >= ApicRegister.Count)
        {
            return false;
        }

        switch (register)
        {
            case ApicRegister.Id:
                value = (uint)Index;
                return true;
            case ApicRegister.LogicalDestination:
                value = ExtendedLogicalId;
                return true;
            case ApicRegister.Command:
                value = _command;
                return true;
            // Not there with x2APIC, or only to be written.
            case ApicRegister.ArbitrationPriority or ApicRegister.EndOfInterrupt or ApicRegister.RemoteRead:
            case ApicRegister.DestinationFormat or ApicRegister.CommandHigh or ApicRegister.SelfIpi:
                return false;
            default:
                bool isThere = TryRead(register, out uint low);
                value = low;
                return isThere;
        }
    }

    /// <summary>WRMSR of IA32_APIC_BASE, IA32_TSC_DEADLINE or 0x800 to 0x8FF.</summary>
    /// <param name="index">Which.</param>
    /// <param name="value">The value.</param>
    /// <returns>False for #GP.</returns>
    public bool TryWriteMsr(uint index, ulong value)
    {
        switch (index)
        {
            case MsrBase:
                return TryWriteBase(value);
            case MsrTscDeadline:
                SetTimestampDeadline(value);
                return true;
        }

        uint register = index - MsrX2Apic;
        if (Mode != ApicMode.X2Apic || !IsWritableMsr(register) || (value & ReservedBits(register)) != 0)
        {
            return false;
        }

        switch (register)
        {
            case ApicRegister.Command:
                _command = value & (0xFFFF_FFFF_0000_0000 | CommandBits);
                Send();
                return true;
            case ApicRegister.SelfIpi:
                // Reads of ICR do not show it.
                Send(ApicMessage.FromCommand((byte)value | ((uint)ApicShorthand.Self << 18), 0, isWide: true));
                return true;
            default:
                Write(register, (uint)value);
                return true;
        }
    }

    /// <summary>
    /// A read in <see cref="RegisterPage"/>. Registers are 32 bits wide at 16-byte steps; a read of fewer bytes gives that part of
    /// them, and what lies between them reads as 0.
    /// </summary>
    /// <param name="offset">Offset in the page.</param>
    /// <param name="size">1, 2, 4 or 8 bytes.</param>
    public ulong ReadPage(uint offset, int size)
    {
        uint register = offset >> 4;
        uint part = offset & 0xF;
        uint value = 0;
        if (register >= ApicRegister.Count || !TryReadPage(register, out value))
        {
            ReportError(ErrorRegister);
        }

        ulong bytes = part < 4 ? value >> (int)(part * 8) : 0;
        return size >= 4 ? bytes : bytes & ((1UL << (size * 8)) - 1);
    }

    /// <summary>A write in <see cref="RegisterPage"/>. Other than 32 bits at a register's address it does nothing.</summary>
    /// <param name="offset">Offset in the page.</param>
    /// <param name="size">1, 2, 4 or 8 bytes.</param>
    /// <param name="value">The value.</param>
    public void WritePage(uint offset, int size, ulong value)
    {
        if (size != 4 || (offset & 0xF) != 0)
        {
            return;
        }

        uint register = offset >> 4;
        uint low = (uint)value;
        switch (register)
        {
            case ApicRegister.LogicalDestination:
                Volatile.Write(ref _logicalDestination, low & 0xFF00_0000);
                break;
            case ApicRegister.DestinationFormat:
                Volatile.Write(ref _destinationFormat, low | DestinationFormatFixed);
                break;
            case ApicRegister.Command:
                _command = (_command & 0xFFFF_FFFF_0000_0000) | (low & CommandBits);
                Send();
                break;
            case ApicRegister.CommandHigh:
                _command = (uint)_command | ((ulong)(low & 0xFF00_0000) << 32);
                break;
            case ApicRegister.TaskPriority or ApicRegister.EndOfInterrupt or ApicRegister.Spurious or ApicRegister.ErrorStatus:
            case ApicRegister.InitialCount or ApicRegister.Divide:
            case >= ApicRegister.LocalVector and < ApicRegister.LocalVector + 6:
                Write(register, low);
                break;
            default:
                // The id is the processor's for good, as on many processors; the others are for reading only.
                if (register >= ApicRegister.Count || !TryReadPage(register, out _))
                {
                    ReportError(ErrorRegister);
                }

                break;
        }
    }

    private static bool IsWritableMsr(uint register) => register switch
    {
        ApicRegister.TaskPriority or ApicRegister.EndOfInterrupt or ApicRegister.Spurious or ApicRegister.ErrorStatus => true,
        ApicRegister.Command or ApicRegister.InitialCount or ApicRegister.Divide or ApicRegister.SelfIpi => true,
        >= ApicRegister.LocalVector and < ApicRegister.LocalVector + 6 => true,
        _ => false,
    };

    // Bits that a write with x2APIC must not set. Bits that are only to be read may be.
    private static ulong ReservedBits(uint register) => register switch
    {
        ApicRegister.EndOfInterrupt or ApicRegister.ErrorStatus => ulong.MaxValue,
        ApicRegister.TaskPriority or ApicRegister.SelfIpi => ~0xFFUL,
        ApicRegister.Spurious => ~(ulong)SpuriousBits,
        ApicRegister.Command => ~(0xFFFF_FFFF_0000_0000 | CommandBits | DeliveryStatus),
        >= ApicRegister.LocalVector and < ApicRegister.LocalVector + 6 =>
            ~(ulong)(LocalBits(register - ApicRegister.LocalVector) | LocalReadOnlyBits(register - ApicRegister.LocalVector)),
        ApicRegister.InitialCount => ~(ulong)uint.MaxValue,
        _ => ~(ulong)DivideBits,
    };

    private static uint LocalBits(uint entry) => (ApicLocalInterrupt)entry switch
    {
        ApicLocalInterrupt.Timer => 0x7_00FF,
        ApicLocalInterrupt.Thermal or ApicLocalInterrupt.Performance => 0x1_07FF,
        ApicLocalInterrupt.Lint0 or ApicLocalInterrupt.Lint1 => 0x1_A7FF,
        _ => 0x1_00FF,
    };

    // Delivery status, and the remote IRR of the pins: both always 0 here.
    private static uint LocalReadOnlyBits(uint entry) =>
        (ApicLocalInterrupt)entry is ApicLocalInterrupt.Lint0 or ApicLocalInterrupt.Lint1 ? 0x5000 : DeliveryStatus;

    private bool TryReadPage(uint register, out uint value)
    {
        switch (register)
        {
            case ApicRegister.Id:
                value = (uint)Index << 24;
                return true;
            case ApicRegister.LogicalDestination:
                value = _logicalDestination;
                return true;
            case ApicRegister.DestinationFormat:
                value = _destinationFormat;
                return true;
            case ApicRegister.Command:
                value = (uint)_command;
                return true;
            case ApicRegister.CommandHigh:
                value = (uint)(_command >> 32);
                return true;
            case ApicRegister.ArbitrationPriority or ApicRegister.EndOfInterrupt or ApicRegister.RemoteRead:
                value = 0;
                return true;
            default:
                return TryRead(register, out value);
        }
    }

    // What both modes have in common.
    private bool TryRead(uint register, out uint value)
    {
        bool isThere = true;
        switch (register)
        {
            case ApicRegister.Version:
                value = Version;
                break;
            case ApicRegister.TaskPriority:
                value = _taskPriority;
                break;
            case ApicRegister.ProcessorPriority:
                value = _processorPriority;
                break;
            case ApicRegister.Spurious:
                value = _spurious;
                break;
            case >= ApicRegister.InService and < ApicRegister.InService + 8:
                value = Half(_inService, register - ApicRegister.InService);
                break;
            case >= ApicRegister.TriggerMode and < ApicRegister.TriggerMode + 8:
                value = Half(_triggerMode, register - ApicRegister.TriggerMode);
                break;
            case >= ApicRegister.Request and < ApicRegister.Request + 8:
                CatchUp();
                value = Half(_request, register - ApicRegister.Request);
                break;
            case ApicRegister.ErrorStatus:
                value = _errors;
                break;
            case >= ApicRegister.LocalVector and < ApicRegister.LocalVector + 6:
                value = _local[register - ApicRegister.LocalVector];
                break;
            case ApicRegister.InitialCount:
                value = _initialCount;
                break;
            case ApicRegister.CurrentCount:
                value = GetCurrentCount();
                break;
            case ApicRegister.Divide:
                value = _divide;
                break;
            default:
                value = 0;
                isThere = false;
                break;
        }

        return isThere;
    }

    private void Write(uint register, uint value)
    {
        switch (register)
        {
            case ApicRegister.TaskPriority:
                SetTaskPriority(value & 0xFF);
                break;
            case ApicRegister.EndOfInterrupt:
                EndOfInterrupt();
                break;
            case ApicRegister.Spurious:
                SetSpurious(value & SpuriousBits);
                break;
            case ApicRegister.ErrorStatus:
                // A write shows the errors since the last one, and lets the next error interrupt again.
                _errors = Interlocked.Exchange(ref _newErrors, 0);
                break;
            case ApicRegister.InitialCount:
                SetInitialCount(value);
                break;
            case ApicRegister.Divide:
                SetDivide(value);
                break;
            default:
                SetLocal(register - ApicRegister.LocalVector, value);
                break;
        }
    }

    private void SetSpurious(uint value)
    {
        if ((value & SpuriousEnable) == 0)
        {
            CatchUp();
            for (int i = 0; i < _local.Length; i++)
            {
                _local[i] |= LocalMasked;
            }
        }

        Volatile.Write(ref _spurious, value);
        UpdateDeadline();
    }

    private void SetLocal(uint entry, uint value)
    {
        value &= LocalBits(entry);
        if ((_spurious & SpuriousEnable) == 0)
        {
            value |= LocalMasked;
        }

        if ((ApicLocalInterrupt)entry == ApicLocalInterrupt.Timer)
        {
            SetLocalTimer(value);
            return;
        }

        Volatile.Write(ref _local[entry], value);
    }

    private void Send()
    {
        bool isWide = Mode == ApicMode.X2Apic;
        uint high = (uint)(_command >> 32);
        Send(ApicMessage.FromCommand((uint)_command, isWide ? high : high >> 24, isWide));
    }

    private void Send(in ApicMessage message)
    {
        if (message is { Vector: < FirstVector, Delivery: ApicDelivery.Fixed or ApicDelivery.LowestPriority })
        {
            ReportError(ErrorSendIllegal);
        }

        _ = _bus.Send(this, message);
    }

    private static uint Half(ulong[] bits, uint index) =>
        (uint)(Volatile.Read(ref bits[index >> 1]) >> ((int)(index & 1) * 32));
}
