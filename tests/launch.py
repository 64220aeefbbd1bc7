"""A program that has ``s2fetch ARGUMENTS`` forked for it, see `tests.forked.launching`.

Lines for a shell begin it in place of s2fetch, with a socket before the arguments: what it hands on
is its folder, its environment and its standard files, and what it gets is the exit code.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path


def main() -> int:
    """Have the command run to its end."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(sys.argv[1])
        told = json.dumps([sys.argv[2:], str(Path.cwd()), dict(os.environ)])
        socket.send_fds(link, [b"%16d" % len(told)], [0, 1, 2])
        link.sendall(told.encode())
        return int(link.recv(16))


if __name__ == "__main__":
    sys.exit(main())
