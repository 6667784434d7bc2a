namespace Hyperpatch.Web.Machines.Commands;

/// <summary>Why a command was not carried out.</summary>
public enum CommandErrorKind
{
    /// <summary>The person may not do this.</summary>
    Forbidden,

    /// <summary>Something given is not allowed; the fields say what.</summary>
    Invalid,

    /// <summary>There is no such machine.</summary>
    NotFound,

    /// <summary>It does not fit the machine's state.</summary>
    Conflict,

    /// <summary>The accelerator cannot do it on this host.</summary>
    Unavailable,

    /// <summary>Too many ask for it at this moment.</summary>
    Busy,
}
