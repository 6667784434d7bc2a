using System.Security.Claims;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Security;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;

namespace Hyperpatch.Web.Components.Shared;

/// <summary>A page on which somebody does something with machines: who that is, and what they may.</summary>
public abstract class SessionPage : ComponentBase
{
    /// <summary>Who is logged in.</summary>
    [CascadingParameter]
    public Task<AuthenticationState>? Session { get; set; }

    /// <summary>What is done with machines.</summary>
    [Inject]
    public required MachineCommands Commands { get; init; }

    /// <summary>Who looks; nobody before <see cref="IdentifyAsync"/>.</summary>
    protected ClaimsPrincipal User { get; private set; } = new();

    /// <summary>Whether the person may change things.</summary>
    protected bool MayChange { get; private set; }

    /// <summary>Takes in who is logged in.</summary>
    protected async Task IdentifyAsync()
    {
        if (Session is not null)
        {
            User = (await Session).User;
            MayChange = User.MayChange();
        }
    }
}
