using Hyperpatch.Web.Texts;

namespace Hyperpatch.Web.Components.Pages;

/// <summary>A program to start from.</summary>
/// <param name="Name">In the page's address.</param>
/// <param name="Title">For people.</param>
/// <param name="Processors">vCPUs that it is best shown with.</param>
/// <param name="Source">Intel syntax.</param>
public sealed record EditorExample(string Name, string Title, int Processors, string Source)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<EditorExample> All { get; } =
    [
        new("hypercall", PageTexts.ExampleHypercall, 1, """
            # AMD's VMMCALL (0F 01 D9) on a processor that says it is Intel's:
            # it raises #UD, its last byte is rewritten to C1 (VMCALL), and it is
            # executed again. The second time round it is right already.
                    mov     ecx, 2
            again:  mov     eax, 1              # hypercall 1: VAPIC_POLL_IRQ
                    vmmcall
                    dec     ecx
                    jnz     again
                    hlt                         # interrupts are off: the end
            """),
        new("serial", PageTexts.ExampleSerial, 1, """
            # Each byte that is written to port 0x3F8 is an exit, and a character
            # on the serial console.
                    lea     rsi, [rip + text]
                    mov     edx, 0x3F8
            next:   lodsb
                    test    al, al
                    jz      done
                    out     dx, al
                    jmp     next
            done:   hlt

            text:   .asciz  "Hello from the editor\n"
            """),
        new("undefined", PageTexts.ExampleUndefined, 1, """
            # UD2 is no hypercall, so the guest gets its #UD. Nobody handles it
            # here: the handler that every program has prints it on the serial
            # console and ends the machine with status 7.
                    mov     eax, 1
                    vmcall                      # this one is served
                    ud2                         # this one is not
                    hlt
            """),
        new("race", PageTexts.ExampleRace, 2, """
            # Both vCPUs start here and meet at the same VMMCALL. On Intel each may
            # raise #UD before the other one's patch is seen; no call may be lost
            # or made twice.
                    lock inc dword ptr [arrived]
            meet:   pause
                    cmp     dword ptr [arrived], 2
                    jb      meet
                    mov     ecx, 1000
            again:  mov     eax, 1
                    vmmcall
                    test    rax, rax            # 0: served
                    jnz     wrong
                    dec     ecx
                    jnz     again
                    hlt
            wrong:  ud2

                    .data
            arrived: .long  0
            """),
    ];

    /// <summary>One by its name, or null.</summary>
    /// <param name="name">The name.</param>
    public static EditorExample? Find(string? name) => All.FirstOrDefault(example => example.Name == name);
}
