"""Become another user who may still pass through closed folders, then run a program: `become.py UID GID PROGRAM ...`.

For root alone. Where root itself lacks a right, as in some containers, it goes on without: an open folder needs none.
"""

import ctypes
import os
import sys

# Numbers of Linux's own: linux/capability.h, linux/prctl.h, linux/securebits.h
_DAC_OVERRIDE = 1
_GET_SECUREBITS, _SET_SECUREBITS = 27, 28
_NO_SETUID_FIXUP = 1 << 2
_AMBIENT, _AMBIENT_RAISE = 47, 2
_CAPABILITY_VERSION_3 = 0x20080522


def main(uid: int, gid: int, program: str, *arguments: str) -> None:
    """Run the program in this process's place; ends with a sentence where it may not become that user.

    Raises:
        OSError: the program cannot be run.
    """
    keeps = sys.platform == "linux" and _keep_rights()
    try:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    except OSError as error:
        sys.exit(f"This root may not become user {uid} ({error.strerror}): use another user.")
    if keeps:
        _hand_on(_DAC_OVERRIDE)
    os.execv(program, [program, *arguments])  # noqa: S606 (no shell is what is wanted)


def _keep_rights() -> bool:
    """Let this process keep its rights when it changes its user; False where it may not.

    This lasts over exec and is needed there too: without it access(2), by which PostgreSQL's tools look at one
    another, asks what a user without any right could do.
    """
    libc = ctypes.CDLL(None)
    bits: int = libc.prctl(_GET_SECUREBITS)
    failed: int = bits < 0 or libc.prctl(_SET_SECUREBITS, bits | _NO_SETUID_FIXUP)
    return not failed


def _hand_on(right: int) -> None:
    """Drop every right but this one, and hand it to what this process executes; it hands on nothing by itself."""
    libc = ctypes.CDLL(None)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    # Effective, permitted and inheritable, for rights 0 to 31 and for the others
    rights = (ctypes.c_uint32 * 6)(*[1 << right] * 3, 0, 0, 0)
    if libc.capset(header, rights) == 0:
        libc.prctl(_AMBIENT, _AMBIENT_RAISE, right, 0, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
