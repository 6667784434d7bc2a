namespace Hyperpatch.Engine.Hypercalls;

/// <summary>The KVM hypercall ABI: a table by number. Allocates nothing and takes no lock.</summary>
public static class HypercallDispatcher
{
    private static readonly HypercallHandler?[] s_handlers = BuildTable();

    /// <summary>Serves a call.</summary>
    /// <param name="host">The machine.</param>
    /// <param name="call">The call; receives the result.</param>
    /// <param name="cpl">Privilege level of the caller: only 0 may call.</param>
    public static void Dispatch(IHypercallHost host, ref HypercallCall call, int cpl)
    {
        ArgumentNullException.ThrowIfNull(host);
        if (!call.Is64Bit)
        {
            call.Number = (uint)call.Number;
            call.Argument0 = (uint)call.Argument0;
            call.Argument1 = (uint)call.Argument1;
            call.Argument2 = (uint)call.Argument2;
            call.Argument3 = (uint)call.Argument3;
        }

        HypercallHandler? handler = call.Number < (ulong)s_handlers.Length ? s_handlers[call.Number] : null;
        long result = cpl > 0 ? HypercallError.NotPermitted
            : handler is null ? HypercallError.NoSuchCall
            : handler(host, call);
        call.Result = call.Is64Bit ? (ulong)result : (uint)result;
    }

    private static HypercallHandler?[] BuildTable()
    {
        HypercallHandler?[] table = new HypercallHandler?[HypercallNumber.TableSize];
        table[HypercallNumber.VapicPollIrq] = static (IHypercallHost _, in HypercallCall _) => 0;
        table[HypercallNumber.KickCpu] = KickCpu.Handle;
        table[HypercallNumber.ClockPairing] = ClockPairing.Handle;
        table[HypercallNumber.SendIpi] = SendIpi.Handle;
        table[HypercallNumber.SchedYield] = SchedYield.Handle;
        table[HypercallNumber.MapGpaRange] = MapGpaRange.Handle;
        return table;
    }
}
