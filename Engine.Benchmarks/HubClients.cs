using System.Diagnostics;
using System.Globalization;
using Hyperpatch.Web;
using Hyperpatch.Web.Machines.Frames;
using MessagePack;
using MessagePack.Resolvers;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>Watchers of a machine, in a process of their own: what they cost themselves is not the server's.</summary>
internal static class HubClients
{
    /// <summary>First word of the command line that makes this process one of watchers.</summary>
    public const string Command = "hub-clients";

    /// <summary>Starts such a process, and comes back when all its clients watch.</summary>
    /// <param name="application">Whose hub.</param>
    /// <param name="machine">The machine that is watched.</param>
    /// <param name="count">Number of clients.</param>
    public static async Task<Process> StartAsync(HyperpatchApplication application, string machine, int count)
    {
        string[] arguments =
        [
            Command, new Uri(application.Address, "/hubs/machines").ToString(), application.Tokens.ViewerToken, machine, count.ToString(CultureInfo.InvariantCulture),
        ];
        Process clients = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        }) ?? throw new InvalidOperationException("The watchers' process could not be started.");
        return await clients.StandardOutput.ReadLineAsync() == "ready" ? clients : throw new InvalidOperationException("The watchers could not connect.");
    }

    /// <summary>Ends it.</summary>
    /// <param name="clients">The process.</param>
    /// <returns>How many frames came and how many were lost, of all clients together.</returns>
    public static async Task<(long Frames, long Lost)> FinishAsync(Process clients)
    {
        ArgumentNullException.ThrowIfNull(clients);
        clients.StandardInput.Close();
        string[] counts = (await clients.StandardOutput.ReadToEndAsync()).Split(' ', StringSplitOptions.TrimEntries);
        await clients.WaitForExitAsync();
        return (long.Parse(counts[0], CultureInfo.InvariantCulture), long.Parse(counts[1], CultureInfo.InvariantCulture));
    }

    /// <summary>Connects, says <c>ready</c>, watches until standard input ends, and says how many frames came and were lost.</summary>
    /// <param name="arguments">Address of the hub, token, machine, number of clients.</param>
    public static async Task<int> RunAsync(string[] arguments)
    {
        (string address, string token, string machine) = (arguments[0], arguments[1], arguments[2]);
        int count = int.Parse(arguments[3], CultureInfo.InvariantCulture);
        using CancellationTokenSource end = new();
        long frames = 0;
        long lost = 0;
        List<HubConnection> connections = [];
        List<Task> streams = [];
        for (int i = 0; i < count; i++)
        {
            HubConnection connection = new HubConnectionBuilder()
                .WithUrl(address, options => options.AccessTokenProvider = () => Task.FromResult<string?>(token))
                .AddMessagePackProtocol(options => options.SerializerOptions = MessagePackSerializerOptions.Standard.WithResolver(
                    CompositeResolver.Create([new TakenFrameFormatter()], [ContractlessStandardResolver.Instance])))
                .Build();
            await connection.StartAsync();
            connections.Add(connection);
            streams.Add(Task.Run(async () =>
            {
                long own = 0;
                await foreach (TakenFrame item in connection.StreamAsync<TakenFrame>("Watch", machine, new FrameFilter(), end.Token))
                {
                    Interlocked.Increment(ref frames);
                    long dropped = item.Dropped;
                    Interlocked.Add(ref lost, dropped - own);
                    own = dropped;
                }
            }));
        }

        Console.WriteLine("ready");
        _ = await Console.In.ReadToEndAsync();
        await end.CancelAsync();
        try
        {
            await Task.WhenAll(streams);
        }
        catch (OperationCanceledException)
        {
            // Asked for.
        }

        foreach (HubConnection connection in connections)
        {
            await connection.DisposeAsync();
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{frames} {lost}"));
        return 0;
    }
}
