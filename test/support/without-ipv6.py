"""Runs a program as on a kernel without IPv6 (`ipv6.disable=1`): sockets of its family fail with EAFNOSUPPORT.

    python3 without-ipv6.py PROGRAM ARGUMENT…
"""
import ctypes
import os
import platform
import struct
import sys

# Of seccomp(2), bpf(4) and socket(2); the number of `socket` is the architecture's.
SOCKET = {'x86_64': 41, 'aarch64': 198}[platform.machine()]
LOAD_WORD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
AF_INET6, EAFNOSUPPORT = 10, 97
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, MODE_FILTER = 22, 38, 2

program = [
    (LOAD_WORD, 0, 0, 0),  # which call
    (JUMP_EQUAL, 0, 3, SOCKET),
    (LOAD_WORD, 0, 0, 16),  # its first argument: the family
    (JUMP_EQUAL, 0, 1, AF_INET6),
    (RETURN, 0, 0, ERRNO | EAFNOSUPPORT),
    (RETURN, 0, 0, ALLOW),
]
code = ctypes.create_string_buffer(b''.join(struct.pack('=HBBI', *each) for each in program))
filter_ = ctypes.create_string_buffer(struct.pack('@HP', len(program), ctypes.addressof(code)))
libc = ctypes.CDLL(None, use_errno=True)
for call in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, MODE_FILTER, filter_, 0, 0)):
    if libc.prctl(*call) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[1], sys.argv[1:])
