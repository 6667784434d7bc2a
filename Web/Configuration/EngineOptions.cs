namespace Hyperpatch.Web.Configuration;

/// <summary>The section <c>Engine</c> of appsettings.json.</summary>
public sealed class EngineOptions
{
    /// <summary>The back end of machines that do not name one. Default: the first that can be used.</summary>
    public AcceleratorChoice Accelerator { get; init; }

    /// <summary>How hypercalls are intercepted. Default: what the probe of the host found to be best.</summary>
    public LevelChoice InterceptionLevel { get; init; }

    /// <summary>Frames a second that watchers get, 5 to 10.</summary>
    public int FramesPerSecond { get; init; } = 10;

    /// <summary>Exits kept for each machine, 1024 to 1048576.</summary>
    public int HistorySize { get; init; } = 65_536;

    /// <summary>Machines that may exist at once, 1 to 256.</summary>
    public int MaximumMachines { get; init; } = 16;

    /// <summary>Reads and checks the section.</summary>
    /// <exception cref="SettingsException">A value is not allowed or a key is not known.</exception>
    public static EngineOptions Read(IConfiguration configuration)
    {
        var section = new SettingsSection(configuration, "Engine");
        var options = new EngineOptions
        {
            Accelerator = section.Choice(nameof(Accelerator), AcceleratorChoice.Auto),
            InterceptionLevel = section.Choice(nameof(InterceptionLevel), LevelChoice.Auto),
            FramesPerSecond = section.Integer(nameof(FramesPerSecond), 5, 10, 10),
            HistorySize = section.Integer(nameof(HistorySize), 1024, 1_048_576, 65_536),
            MaximumMachines = section.Integer(nameof(MaximumMachines), 1, 256, 16),
        };
        section.RefuseUnknownKeys();
        return options;
    }
}
