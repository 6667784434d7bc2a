namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>Too many sources wait for the assembler already.</summary>
public sealed class AssemblerBusyException : Exception
{
    /// <summary>Makes one.</summary>
    public AssemblerBusyException()
        : base($"{GnuAssembler.MostAtOnce} sources are with the assembler already, which is the most; try again in a moment.")
    {
    }

    /// <summary>Makes one.</summary>
    /// <param name="message">A sentence for people.</param>
    public AssemblerBusyException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one.</summary>
    /// <param name="message">A sentence for people.</param>
    /// <param name="innerException">What led to it.</param>
    public AssemblerBusyException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
