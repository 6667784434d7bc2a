/*
 * The yardstick: a guest that writes to a port for ever, and nothing but KVM_RUN around it. Prints nanoseconds an exit.
 * With `armed`, an execution breakpoint is set on an address that is never reached, as the interception of #UD needs one.
 * Usage: port_loop EXITS [bare|armed]
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv)
{
    long exits = argc > 1 ? atol(argv[1]) : 100000;
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0)
        die("/dev/kvm");
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    if (vm < 0)
        die("KVM_CREATE_VM");

    /* Long mode, as in the engine's guest: page tables at 0x1000, code at 0x5000. */
    size_t size = 1 << 21;
    uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region region = { 0, 0, 0, size, (uintptr_t)memory };
    if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
        die("KVM_SET_USER_MEMORY_REGION");
    *(uint64_t *)(memory + 0x1000) = 0x2003;
    *(uint64_t *)(memory + 0x2000) = 0x3003;
    *(uint64_t *)(memory + 0x3000) = 0x83;
    static const uint8_t code[] = { 0xE6, 0x80, 0xEB, 0xFC }; /* again: out 0x80, al; jmp again */
    memcpy(memory + 0x5000, code, sizeof code);

    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    int run_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    struct kvm_run *run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    struct kvm_sregs sregs;
    if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
        die("KVM_GET_SREGS");
    sregs.cs = (struct kvm_segment){ .selector = 8, .limit = ~0u, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1 };
    sregs.ds = (struct kvm_segment){ .selector = 16, .limit = ~0u, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1 };
    sregs.es = sregs.fs = sregs.gs = sregs.ss = sregs.ds;
    sregs.cr0 = 0x80010031;
    sregs.cr3 = 0x1000;
    sregs.cr4 = 0x20;
    sregs.efer = 0x500;
    if (ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0)
        die("KVM_SET_SREGS");
    struct kvm_regs regs = { .rip = 0x5000, .rflags = 2, .rsp = 0x8000 };
    if (ioctl(vcpu, KVM_SET_REGS, &regs) < 0)
        die("KVM_SET_REGS");

    if (argc > 2 && strcmp(argv[2], "armed") == 0) {
        struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP };
        debug.arch.debugreg[0] = 0x7000;
        debug.arch.debugreg[7] = 2;
        if (ioctl(vcpu, KVM_SET_GUEST_DEBUG, &debug) < 0)
            die("KVM_SET_GUEST_DEBUG");
    }

    double start = 0;
    for (long i = -exits / 10; i < exits; i++) {
        if (i == 0)
            start = now();
        if (ioctl(vcpu, KVM_RUN, 0) < 0)
            die("KVM_RUN");
        if (run->exit_reason != KVM_EXIT_IO)
            return fprintf(stderr, "exit reason %u\n", run->exit_reason), 1;
    }

    printf("%.1f\n", (now() - start) / exits);
    return 0;
}
