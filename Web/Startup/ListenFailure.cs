using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Hyperpatch.Web.Startup;

/// <summary>Says in one line why an address cannot be listened at, and what to do.</summary>
internal static class ListenFailure
{
    /// <summary>The line for what Kestrel throws, or null where it is about something else.</summary>
    public static string? Describe(IOException exception) => exception.InnerException switch
    {
        AddressInUseException => $"{Trim(exception.Message)} Stop the program that uses it, or choose another with --urls http://127.0.0.1:PORT (or Urls in appsettings.json).",
        AggregateException or SocketException => $"{Trim(exception.Message)} Choose another address with --urls http://127.0.0.1:PORT (or Urls in appsettings.json).",
        _ => null,
    };

    /// <summary>The line for a socket that cannot be opened.</summary>
    public static string Describe(SocketException exception) =>
        $"The address in Urls cannot be listened at: {Trim(exception.Message)} Choose another with --urls http://127.0.0.1:PORT (or Urls in appsettings.json).";

    private static string Trim(string message) => message.ReplaceLineEndings(" ").TrimEnd(' ', '.') + ".";
}
