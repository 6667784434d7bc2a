using System.Diagnostics;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Web;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>What fifty watchers cost a guest that makes exits as fast as it can.</summary>
internal sealed class HubFigure : IFigure
{
    private const int Clients = 50;
    private const int Rounds = 7;
    private const double Limit = 0.9;
    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(2);

    public string Name => "watchers";

    public bool NeedsKvm => false;

    public IEnumerable<FigureResult> Measure() => [MeasureAsync().GetAwaiter().GetResult()];

    private static async Task<FigureResult> MeasureAsync()
    {
        await using HyperpatchApplication application = await MeasuredServer.StartAsync("exit-storm");
        VirtualMachine machine = MeasuredServer.Machine(application).Machine;
        List<double> ratios = [];
        long frames = 0;
        long lost = 0;
        for (int i = 0; i < Rounds; i++)
        {
            double before = Rate(machine);
            using Process clients = await HubClients.StartAsync(application, machine.Id, Clients);
            double with = Rate(machine);
            (long taken, long missed) = await HubClients.FinishAsync(clients);
            frames += taken;
            lost += missed;
            // Without watchers before and after, so that a drift of the machine cancels out.
            ratios.Add(with / ((before + Rate(machine)) / 2));
        }

        await application.StopAsync();
        return new FigureResult(
            $"exit rate with {Clients} hub clients to that with none: {Statistics.Spread(ratios)}; {frames} frames taken, {lost} dropped",
            "at least 0.9",
            Statistics.Median(ratios) >= Limit);
    }

    private static double Rate(VirtualMachine machine)
    {
        long exits = machine.Journal.Count;
        long start = Stopwatch.GetTimestamp();
        Thread.Sleep(s_window);
        return (machine.Journal.Count - exits) / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
