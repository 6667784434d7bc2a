/*
 * A boot sector for other emulators: reads the workloads behind it, maps the first GiB one to one in 2 MiB pages and enters 64-bit
 * mode. Our own machine starts there and needs none of it.
 */
    .section .boot, "ax"
    .code16
    .globl boot
boot:
    cli
    ljmp $0, $1f
1:  xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7c00, %sp
    sti
    mov $0x5000, %ax
    mov %ax, %es
    mov $0x0210, %ax            /* read 16 sectors */
    mov $0x0002, %cx            /* from the second of the first track */
    xor %bx, %bx
    mov $0, %dh
    int $0x13
    jc 1b
    cli
    in $0x92, %al
    or $2, %al                  /* A20 */
    out %al, $0x92
    xor %ax, %ax
    mov %ax, %es
    mov $0x1000, %di
    xor %eax, %eax
    mov $0xc00, %cx
    rep stosl
    movl $0x2003, 0x1000
    movl $0x3003, 0x2000
    mov $0x3000, %di
    mov $0x83, %eax
2:  mov %eax, (%di)
    add $0x200000, %eax
    add $8, %di
    cmp $0x4000, %di
    jne 2b
    mov $0x1000, %eax
    mov %eax, %cr3
    mov $0x20, %eax             /* PAE */
    mov %eax, %cr4
    mov $0xc0000080, %ecx
    rdmsr
    or $0x100, %eax             /* LME */
    wrmsr
    lgdt gdtr
    mov $0x80000011, %eax
    mov %eax, %cr0
    ljmp $8, $3f
    .code64
3:  mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $0x70000, %esp
    mov $0x50000, %eax
    call *%rax
4:  hlt
    jmp 4b
    .balign 8
gdt:
    .quad 0, 0x00209a0000000000, 0x0000920000000000
gdtr:
    .word gdtr - gdt - 1
    .long gdt
    .org 510
    .word 0xaa55
