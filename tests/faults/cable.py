"""The cable between one host and the database: the packet filter drops everything that passes, as a dead machine does.

A killed process says goodbye (its kernel closes the connections); a machine without power does not, and what waits for
it learns so from TCP's keepalive alone. Each host reaches the server under an address of the loopback of its own, so
that one can be cut off.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from functools import cache

_COMMAND = ("iptables", "--wait")


class Cable:
    """Packets between an address of the loopback and a port on it."""

    def __init__(self, address: str, port: int) -> None:
        self._rules = (
            ("INPUT", "-p", "tcp", "-d", address, "--dport", str(port), "-j", "DROP"),
            ("INPUT", "-p", "tcp", "-s", address, "--sport", str(port), "-j", "DROP"),
        )
        self._is_cut = False

    def cut(self) -> None:
        """From now on nothing passes in either direction, and nobody is told."""
        for rule in self._rules:
            subprocess.run([*_COMMAND, "-I", *rule], check=True, capture_output=True)
        self._is_cut = True

    def mend(self) -> None:
        """Everything passes again."""
        if self._is_cut:
            for rule in self._rules:
                subprocess.run([*_COMMAND, "-D", *rule], check=True, capture_output=True)
            self._is_cut = False


@cache
def can_be_cut() -> bool:
    """Returns whether the packet filter of this machine is open to us."""
    if os.geteuid() != 0 or shutil.which(_COMMAND[0]) is None:
        return False
    return subprocess.run([*_COMMAND, "--list-rules", "INPUT"], capture_output=True, check=False).returncode == 0


def address_of(number: int) -> str:
    """The address under which the host of a number reaches the server."""
    return f"127.0.0.{number + 2}"


ADDRESSES = ("127.0.0.1", *itertools.islice(map(address_of, itertools.count()), 4))  # where the server listens
