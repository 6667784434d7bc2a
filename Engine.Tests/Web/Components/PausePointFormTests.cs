using System.Net.Http.Json;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Web.Components.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Security;

namespace Hyperpatch.Engine.Tests.Web.Components;

/// <summary>What is typed on the page, and what is sent of it.</summary>
public sealed class PausePointFormTests
{
    [Fact]
    public async Task Only_the_fields_of_a_kind_are_sent_and_what_is_wrong_is_named()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        (await client.PostAsJsonAsync("/api/machines", new { guest = "mixed", processors = 2 }, TestContext.Current.CancellationToken)).EnsureSuccessStatusCode();
        VirtualMachine machine = dashboard.Machine.Machine;
        PausePointForm form = new() { Address = "100_000 + 10", Number = " 5 ", Processor = "1", Once = true };

        foreach ((string kind, PausePointRequest expected) in ((string, PausePointRequest)[])
        [
            ("address", new PausePointRequest { Kind = "address", Address = "0x100010", Processor = 1, Once = true }),
            ("exit", new PausePointRequest { Kind = "exit", Reason = "Hypercall", Processor = 1, Once = true }),
            ("hypercall", new PausePointRequest { Kind = "hypercall", Number = 5, Processor = 1, Once = true }),
            ("patch", new PausePointRequest { Kind = "patch", Processor = 1, Once = true }),
            ("invalid-opcode", new PausePointRequest { Kind = "invalid-opcode", Processor = 1, Once = true }),
        ])
        {
            form.Kind = kind;
            Assert.Equal(expected, form.ToRequest(machine).Value);
        }

        foreach ((string kind, string field, string address, string number) in ((string, string, string, string)[])
        [
            ("address", "address", "", ""), ("address", "address", "nowhere", ""), ("address", "address", "#99", ""), ("address", "address", "rip", ""),
            ("hypercall", "number", "", ""), ("hypercall", "number", "", "-1"), ("hypercall", "number", "", "0x5"),
        ])
        {
            PausePointForm wrong = new() { Kind = kind, Address = address, Number = number };
            Assert.True(wrong.ToRequest(machine).Error!.Fields.ContainsKey(field), $"{kind} {address}{number}");
        }

        Assert.Contains("5 KICK_CPU", PausePointForm.KnownNumbers, StringComparison.Ordinal);
    }
}
