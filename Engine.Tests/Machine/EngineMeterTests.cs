using System.Diagnostics.Metrics;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Support;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>The engine's meter says what the journal counted.</summary>
public sealed class EngineMeterTests
{
    [Theory]
    [MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Exits_hypercalls_and_interceptions_are_those_of_the_journal(Backend backend)
    {
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            for (int i = 0; i < 5; i++)
            {
                b.Code.mov(eax, 1);
                b.Code.vmcall();
            }

            b.Code.mov(eax, 11);
            b.Code.vmmcall();
            b.Exit(0);
        });
        Dictionary<string, long> seen = [];
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Name == EngineMeter.Name)
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            Dictionary<string, object?> named = tags.ToArray().ToDictionary(tag => tag.Key, tag => tag.Value);
            if (named.TryGetValue("machine", out object? id) && (string?)id == machine.Machine.Id)
            {
                string rest = string.Join(' ', named.Where(tag => tag.Key != "machine").Select(tag => tag.Value));
                seen[$"{instrument.Name} {rest}".Trim()] = value;
            }
        });
        listener.Start();
        listener.RecordObservableInstruments();
        Assert.Equal(machine.Machine.Journal.Count, seen.Where(pair => pair.Key.StartsWith("hyperpatch.exits ", StringComparison.Ordinal)).Sum(pair => pair.Value));
        Assert.Equal(6, seen["hyperpatch.exits Hypercall"]);
        Assert.Equal(1, seen["hyperpatch.exits InvalidOpcode"]);
        Assert.Equal(5, seen["hyperpatch.hypercalls VAPIC_POLL_IRQ"]);
        Assert.Equal(1, seen["hyperpatch.hypercalls SCHED_YIELD"]);
        Assert.Equal(1, seen["hyperpatch.interceptions patched"]);
        Assert.Equal(0, seen["hyperpatch.events.dropped"]);
    }
}
