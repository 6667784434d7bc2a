using System.Diagnostics;
using System.Globalization;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Web;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>
/// What a frame costs the server where a guest makes some 150,000 exits a second, for one hub client and for many, in a process of their
/// own. The guest runs in software and counts between its exits, so that the rate is near the one asked for on any host.
/// </summary>
internal sealed class FramesFigure : IFigure
{
    private const int Clients = 200;
    private const double Rate = 150_000;
    private const int FirstPause = 1000;
    private const double MemoryLimitMiB = 1;
    private const double FrameLimitMs = 2;
    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(2);

    // The runtime compiles hot code anew, in steps, some seconds after it has become hot: that is the start's work, not a frame's.
    private const string Compiler = ".NET Tiered Com";
    private const int QuietSeconds = 5;
    private const int MostSettleSeconds = 90;

    public string Name => "frames";

    public bool NeedsKvm => false;

    public IEnumerable<FigureResult> Measure() => MeasureAsync().GetAwaiter().GetResult();

    private static async Task<IEnumerable<FigureResult>> MeasureAsync()
    {
        // The count is nearly all of the time between two exits, so the rate goes with it; twice, since the first one is far off.
        double pause = FirstPause;
        for (int i = 0; i < 2; i++)
        {
            pause *= await RateAsync((int)pause) / Rate;
        }

        await using HyperpatchApplication application = await StartAsync((int)pause);
        ServerLoad one = await WatchAsync(application, 1);
        ServerLoad all = await WatchAsync(application, Clients);
        await application.StopAsync();
        double memory = (all.Bytes - one.Bytes) / (Clients - 1) / 1048576;
        return
        [
            new FigureResult($"server's CPU a frame at {one.ExitRate:N0} exits/s, one hub client: {Text(one.FrameMs)} ms", "under 2 ms at 150,000 exits/s", one.FrameMs < FrameLimitMs),
            new FigureResult($"{Clients} hub clients: CPU a frame {Text(all.FrameMs)} ms at {all.ExitRate:N0} exits/s; {all.Frames} frames taken, {all.Lost} dropped", "for comparison", null),
            new FigureResult($"server's memory a hub client beyond the first: {Text(memory)} MiB", "at most 1 MiB", memory <= MemoryLimitMiB),
        ];
    }

    private static async Task<double> RateAsync(int pause)
    {
        await using HyperpatchApplication application = await StartAsync(pause);
        await Task.Delay(s_warmUp);
        var before = ServerUsage.Of(Machine(application));
        await Task.Delay(s_warmUp);
        double rate = before.Until(Machine(application)).ExitRate;
        await application.StopAsync();
        return rate;
    }

    private static Task<HyperpatchApplication> StartAsync(int pause) => MeasuredServer.StartAsync(
        "exit-storm", commandLine: string.Create(CultureInfo.InvariantCulture, $"pause={pause}"), accelerator: "software");

    private static async Task<ServerLoad> WatchAsync(HyperpatchApplication application, int count)
    {
        VirtualMachine machine = Machine(application);
        using Process clients = await HubClients.StartAsync(application, machine.Id, count);
        await SettleAsync();
        var before = ServerUsage.Of(machine);
        await Task.Delay(s_window);
        ServerLoad load = before.Until(machine);
        (long frames, long lost) = await HubClients.FinishAsync(clients);
        return load with { Frames = frames, Lost = lost };
    }

    private static async Task SettleAsync()
    {
        TimeSpan last = ThreadTimes.Of(Compiler);
        for (int second = 0, quiet = 0; second < MostSettleSeconds && quiet < QuietSeconds; second++)
        {
            await Task.Delay(TimeSpan.FromSeconds(1));
            TimeSpan now = ThreadTimes.Of(Compiler);
            quiet = now == last ? quiet + 1 : 0;
            last = now;
        }
    }

    private static VirtualMachine Machine(HyperpatchApplication application) => MeasuredServer.Machine(application).Machine;

    private static string Text(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);
}
