using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Hyperpatch.Web.Security;

/// <summary>
/// Where a request comes from, for limits: an IPv4 address, or the /64 of an IPv6 address. That is the smallest network that is given to one customer
/// (RFC 6177, RFC 7421): whoever has one has 2^64 addresses, and a limit that counts each of them is none.
/// </summary>
public static class ClientAddress
{
    private const int NetworkBytes = 8;

    /// <summary>The name that a request's sender is counted by.</summary>
    /// <param name="context">The request.</param>
    public static string Of(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return Of(context.Connection.RemoteIpAddress);
    }

    /// <summary>The name that an address is counted by.</summary>
    /// <param name="address">The address; null where there is none (a socket in the file system).</param>
    /// <returns>An IPv4 address, an IPv6 network such as <c>2001:db8::/64</c> (with its zone, where it has one), or nothing.</returns>
    public static string Of(IPAddress? address)
    {
        if (address is null)
        {
            return "";
        }

        // A socket that takes both kinds has IPv4 addresses as ::ffff:a.b.c.d: in one /64, all of them.
        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address.ToString();
        }

        Span<byte> bytes = stackalloc byte[16];
        _ = address.TryWriteBytes(bytes, out _);
        bytes[NetworkBytes..].Clear();
        return string.Create(CultureInfo.InvariantCulture, $"{new IPAddress(bytes, address.ScopeId)}/{NetworkBytes * 8}");
    }
}
