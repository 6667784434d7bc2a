using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Accelerators.Kvm;
using Hyperpatch.Engine.Benchmarks;

if (args is [HubClients.Command, ..])
{
    return await HubClients.RunAsync(args[1..]);
}

if (args is [BrowserClients.Command, ..])
{
    return await BrowserClients.RunAsync(args[1..]);
}

IFigure[] figures =
[
    new PortIoFigure(), new HypercallFigure(), new PatchedSiteFigure(), new AllocationFigure(), new VendorSwitchFigure(),
    new HubFigure(), new FramesFigure(), new DashboardFigure(), new StartFigure(), new SoftwareFigure(), new SoftwareLimitsFigure(), new EmulatorsFigure(),
];

if (args is ["--list"])
{
    Console.WriteLine(string.Join('\n', figures.Select(figure => figure.Name)));
    return 0;
}

if (args.FirstOrDefault(name => figures.All(figure => figure.Name != name)) is string unknown)
{
    await Console.Error.WriteLineAsync($"There is no figure \"{unknown}\"; there are: {string.Join(", ", figures.Select(figure => figure.Name))}.");
    return 2;
}

IFigure[] chosen = [.. figures.Where(figure => args.Length == 0 || args.Contains(figure.Name))];
bool allMet = true;
using (KvmAccelerator accelerator = new())
{
    AcceleratorAvailability availability = accelerator.Check();
    if (availability.IsAvailable)
    {
        foreach (ProbeResult result in accelerator.Probe().Results)
        {
            Console.WriteLine($"host: {result.Instruction} ({result.Bytes}): {result.Detail}");
        }
    }
    else if (chosen.Any(figure => figure.NeedsKvm))
    {
        await Console.Error.WriteLineAsync(
            $"Not measured, for want of KVM: {string.Join(", ", chosen.Where(figure => figure.NeedsKvm).Select(figure => figure.Name))}. {availability.Reason}");
        chosen = [.. chosen.Where(figure => !figure.NeedsKvm)];
        allMet = false;
    }
}

foreach (IFigure figure in chosen)
{
    foreach (FigureResult result in figure.Measure())
    {
        string verdict = result.IsMet switch { true => "met  ", false => "SHORT", _ => "     " };
        Console.WriteLine($"{verdict} {result.Text} [{result.Limit}]");
        allMet &= result.IsMet != false;
    }
}

return allMet ? 0 : 1;
