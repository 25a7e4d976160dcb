"""Locks a worker in: resource limits, another user, no new privileges, and only the system calls on a list.

After ``enter`` the process can compute, use memory, and read and write the descriptors it has; all else kills it.
No file can be opened: whatever is imported must be imported before.
"""

import ctypes
import os
import platform
import resource
import signal
import struct

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_PROT_EXEC = 4
_X32 = 0x40000000

# name: number on x86_64, on aarch64 (-1: that architecture has none)
_CALLS = {
    "read": (0, 63), "write": (1, 64), "munmap": (11, 215), "mremap": (25, 216), "brk": (12, 214), "madvise": (28, 233),
    "futex": (202, 98), "exit": (60, 93), "exit_group": (231, 94), "rt_sigreturn": (15, 139), "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135), "sigaltstack": (131, 132), "clock_gettime": (228, 113), "clock_getres": (229, 114),
    "gettimeofday": (96, 169), "time": (201, -1), "times": (100, 153), "getrusage": (98, 165),
    "getpid": (39, 172), "gettid": (186, 178),
    "getrandom": (318, 278), "sched_yield": (24, 124), "restart_syscall": (219, 128),
}  # fmt: skip
# these may not make memory executable: the third argument is the protection
_MEMORY_CALLS = {"mmap": (9, 222), "mprotect": (10, 226)}
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_libc = ctypes.CDLL(None, use_errno=True)


def enter(memory: int, parent: int, nobody: int = 65534) -> None:
    """``memory``: bytes of address space. Ends the process if ``parent`` is no more; OSError if it cannot hold."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    # no more descriptors than there are
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(nobody, nobody, nobody)
        os.setresuid(nobody, nobody, nobody)
    end_with(parent)  # after the change of user, which clears it
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _filter()


def end_with(parent: int) -> None:
    """Be killed when the parent ends, even if it has ended already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _filter() -> None:
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise OSError(f"no list of system calls for {machine}")
    which, architecture = _ARCHITECTURES[machine]
    program = _program(
        architecture,
        sorted(numbers[which] for numbers in _CALLS.values() if numbers[which] >= 0),
        sorted(numbers[which] for numbers in _MEMORY_CALLS.values()),
    )
    code = ctypes.create_string_buffer(b"".join(program), 8 * len(program))
    # struct sock_fprog { unsigned short len; struct sock_filter *filter; }
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program), ctypes.addressof(code)))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(header))


def _program(architecture: int, plain: "list[int]", memory: "list[int]") -> "list[bytes]":
    """Classic BPF over struct seccomp_data { int nr; u32 arch; u64 ip; u64 args[6]; }."""

    def load(offset: int) -> bytes:
        return struct.pack("HBBI", 0x20, 0, 0, offset)  # BPF_LD | BPF_W | BPF_ABS

    def equal(value: int, yes: int, no: int) -> bytes:
        return struct.pack("HBBI", 0x15, yes, no, value)  # BPF_JMP | BPF_JEQ | BPF_K

    def answer(value: int) -> bytes:
        return struct.pack("HBBI", 0x06, 0, 0, value)  # BPF_RET

    lines = [
        load(4), equal(architecture, 1, 0), answer(_KILL),
        load(0), struct.pack("HBBI", 0x35, 0, 1, _X32), answer(_KILL),  # BPF_JGE: x32 numbers
    ]  # fmt: skip
    for number in plain:
        lines += [equal(number, 0, 1), answer(_ALLOW)]
    for number in memory:
        # the low half of the third argument: little endian on both architectures
        executable = struct.pack("HBBI", 0x45, 1, 0, _PROT_EXEC)  # BPF_JSET
        lines += [equal(number, 0, 4), load(32), executable, answer(_ALLOW), answer(_KILL)]
    return [*lines, answer(_KILL)]


def _prctl(option: int, *arguments: int) -> None:
    given = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    if _libc.prctl(option, *given) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")
