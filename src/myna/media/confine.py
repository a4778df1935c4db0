"""What a process that reads untrusted bytes may still do: compute, for a while, in some memory, and answer.

It is called by that process itself, once everything that it needs is loaded. What a platform does not know is left
out: the limits of resources are POSIX, the filter of system calls is Linux on x86-64.
"""

from __future__ import annotations

import contextlib
import ctypes
import platform
import struct
import sys

_MOST_DESCRIPTORS = 16
_NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS
_FILTER_CALLS = 22, 2  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER

_X86_64 = 0xC000003E  # AUDIT_ARCH_X86_64
_ALLOWED_CALLS = {
    "read": 0, "write": 1, "close": 3, "fstat": 5, "poll": 7, "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11,
    "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "pread64": 17, "pwrite64": 18,
    "readv": 19, "writev": 20, "sched_yield": 24, "mremap": 25, "madvise": 28, "nanosleep": 35, "getpid": 39,
    "exit": 60, "gettid": 186, "futex": 202, "sched_getaffinity": 204, "restart_syscall": 219, "clock_gettime": 228,
    "clock_nanosleep": 230, "exit_group": 231, "tgkill": 234, "getrandom": 318,
}  # fmt: skip
"""The names are for the reader. No files are opened, nothing is connected, nothing is started."""

_LOAD_WORD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_KILL, _ALLOW, _NOT_PERMITTED = 0x80000000, 0x7FFF0000, 0x00050001
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4


def confine(*, memory_bytes: int, cpu_seconds: int, written_bytes: int = 0) -> list[str]:
    """Give up what reading does not need, for good. Returns what is in force, in words.

    `written_bytes` is how large a file may become that was handed over open.
    """
    return [*_limit_resources(memory_bytes, cpu_seconds, written_bytes), *_filter_system_calls()]


def _limit_resources(memory_bytes: int, cpu_seconds: int, written_bytes: int) -> list[str]:
    try:
        import resource
    except ImportError:
        return []
    limits = {
        "memory": (resource.RLIMIT_AS, memory_bytes),
        "processor time": (resource.RLIMIT_CPU, cpu_seconds),
        "writing files": (resource.RLIMIT_FSIZE, written_bytes),
        "core dumps": (resource.RLIMIT_CORE, 0),
        "descriptors": (resource.RLIMIT_NOFILE, _MOST_DESCRIPTORS),
        "processes": (resource.RLIMIT_NPROC, 0),
    }
    in_force = []
    for name, (kind, most) in limits.items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))
            in_force.append(name)
    return in_force


def _filter_system_calls() -> list[str]:
    if sys.platform != "linux" or platform.machine() != "x86_64" or sys.maxsize < 2**32:
        return []
    code = ctypes.create_string_buffer(_program())
    program = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(code)))
    control = ctypes.CDLL(None, use_errno=True).prctl
    if control(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or control(*_FILTER_CALLS, program, 0, 0):
        return []
    return ["system calls"]


def _program() -> bytes:
    """For the kernel's packet filter: calls on the list pass, all others answer EPERM."""
    calls = list(_ALLOWED_CALLS.values())
    steps = [
        (_LOAD_WORD, 0, 0, _ARCHITECTURE_AT),
        (_JUMP_IF_EQUAL, 1, 0, _X86_64),
        (_RETURN, 0, 0, _KILL),
        (_LOAD_WORD, 0, 0, _NUMBER_AT),
        *((_JUMP_IF_EQUAL, len(calls) - index, 0, call) for index, call in enumerate(calls)),
        (_RETURN, 0, 0, _NOT_PERMITTED),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
