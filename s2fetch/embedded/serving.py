"""How hubs of this package listen."""

from __future__ import annotations

import socket

SHUTDOWN_SECONDS = 0.05
"""How long a hub that goes down lets its answers go on."""


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens again on a port used a moment ago."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(256)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening
