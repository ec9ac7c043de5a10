"""Landlock (Linux 5.13 and later): a process gives up, for good, what of the file system it does not need."""
import ctypes
import os
import struct

# The same numbers on every architecture (asm-generic/unistd.h).
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH = 1
PR_SET_NO_NEW_PRIVS = 38

EXECUTE, READ_FILE, READ_DIR = 1 << 0, 1 << 2, 1 << 3
# Rights on the file system, by version of the interface (linux/landlock.h): all of the first, then moving to another
# folder (2), truncating (3), ioctl of devices (5).
FILE_RIGHTS = ((1, 0x1FFF), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
# Sockets without a path, and signals, to processes that are not confined (6).
SCOPES = 0x3

libc = ctypes.CDLL(None, use_errno=True)


def call(number, *args):
    result = libc.syscall(number, *args)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def confine(readable):
    """From now on this process reads only what lies below `readable`, and writes, makes and removes nothing. Answers
    whether the kernel can do that."""
    try:
        version = call(CREATE_RULESET, None, ctypes.c_size_t(0), CREATE_RULESET_VERSION)
    except OSError:
        return False
    handled = sum(rights for since, rights in FILE_RIGHTS if since <= version)
    # struct landlock_ruleset_attr: handled_access_fs, handled_access_net, scoped; an older kernel takes the beginning.
    attributes = struct.pack('=QQQ', handled, 0, SCOPES)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    ruleset = call(CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    for path in readable:
        try:
            beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        allowed = EXECUTE | READ_FILE | (READ_DIR if os.path.isdir(path) else 0)
        # struct landlock_path_beneath_attr, packed: allowed_access, parent_fd.
        call(ADD_RULE, ruleset, RULE_PATH_BENEATH, struct.pack('=Qi', allowed, beneath), 0)
        os.close(beneath)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), 'PR_SET_NO_NEW_PRIVS')
    call(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return True
