using Microsoft.AspNetCore.WebUtilities;

namespace Hyperpatch.Web.Components.Shared;

/// <summary>Addresses of tables as files, the format apart.</summary>
public static class ExportLink
{
    /// <summary>What the host is.</summary>
    public const string Host = "api/host/export";

    /// <summary>KVM's counters.</summary>
    public const string Kvm = "api/host/kvm/export";

    /// <summary>What the probe found.</summary>
    public const string Probe = "api/host/probe/export";

    /// <summary>A table of a machine.</summary>
    /// <param name="machine">The machine's id.</param>
    /// <param name="table">The table, as the API calls it.</param>
    /// <param name="more">Filters; those without a value are left out.</param>
    public static string To(string machine, string table, params IEnumerable<KeyValuePair<string, string?>> more) => QueryHelpers.AddQueryString(
        $"api/machines/{Uri.EscapeDataString(machine)}/export",
        [new("table", table), .. more.Where(pair => !string.IsNullOrEmpty(pair.Value))]);

    /// <summary>The machines: all, or those named.</summary>
    /// <param name="ids">Their ids.</param>
    public static string ToMachines(params IEnumerable<string> ids) =>
        QueryHelpers.AddQueryString("api/machines/export", ids.Select(id => new KeyValuePair<string, string?>("id", id)));
}
