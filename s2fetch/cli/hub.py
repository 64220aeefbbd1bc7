"""``s2fetch hub``: serve a folder of products as a small hub."""

from __future__ import annotations

import errno
import os
import shlex
import socket
import ssl
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from s2fetch.cli.output import Output
from s2fetch.cli.signals import Interruption
from s2fetch.errors import ArchiveError, ExitCode, UsageError
from s2fetch.paths import is_folder

if TYPE_CHECKING:
    from s2fetch.embedded.dhus.hub import EmbeddedDhus
    from s2fetch.embedded.hub import EmbeddedHub
    from s2fetch.embedded.identity import User

_NO_ADDRESS = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)
EXAMPLES = """\b
Examples:
  s2fetch hub /data/sentinel-2
  s2fetch hub /data/sentinel-2 --port 8080 --download-port 8081
  s2fetch hub /data/sentinel-2 --kind dhus --port 8080
  s2fetch hub /data/sentinel-2 --host hub.example.org --tls-certificate hub.pem --tls-key key.pem

It prints the environment variables with which s2fetch uses it, and serves until Ctrl-C or
SIGTERM. User and password are S2FETCH_USER and S2FETCH_PASSWORD (with --kind dhus: DHUS_USER and
DHUS_PASSWORD), or else those of the demo.
"""
PORT = click.IntRange(0, 65_535)


@click.command(short_help="Serve a folder of products as a small hub.", epilog=EXAMPLES)
@click.argument("folder", metavar="FOLDER")
@click.option(
    "--host", default="127.0.0.1", metavar="HOST", help="Address to listen on, default 127.0.0.1"
)
@click.option(
    "--kind",
    type=click.Choice(["cdse", "dhus"]),
    default="cdse",
    help="Protocol: of the Copernicus Data Space (default) or of hubs that run the DHuS",
)
@click.option(
    "--port", type=PORT, default=0, metavar="N", help="Of catalogue and identity, default any"
)
@click.option(
    "--download-port", type=PORT, default=0, metavar="N", help="Of the downloads, default any"
)
@click.option("--tls-certificate", metavar="FILE", help="Serve https with this certificate (PEM)")
@click.option("--tls-key", metavar="FILE", help="The certificate's key (PEM)")
@click.pass_obj
def command(
    output: Output,
    /,
    folder: str,
    host: str,
    kind: str,
    port: int,
    download_port: int,
    tls_certificate: str | None,
    tls_key: str | None,
) -> int:
    """Serve the products in FOLDER with the protocol of the Copernicus Data Space, or of a DHuS.

    Anything but this machine itself needs https and a password of your own, because s2fetch sends
    passwords nowhere else.
    """
    import anyio

    from s2fetch.config.values import is_loopback
    from s2fetch.embedded.hub import DEFAULT_USER
    from s2fetch.embedded.identity import User

    if not is_folder(folder):
        raise UsageError(f"{folder} is not a folder")
    prefix = "DHUS" if kind == "dhus" else "S2FETCH"
    name, password = os.environ.get(f"{prefix}_USER"), os.environ.get(f"{prefix}_PASSWORD")
    user = User(name=name, password=password) if name and password else DEFAULT_USER
    if not is_loopback(host) and (user is DEFAULT_USER or tls_certificate is None):
        raise UsageError(
            f"a hub on {host} needs https and a password of its own",
            advice=f"Give --tls-certificate, and set {prefix}_USER and {prefix}_PASSWORD",
        )
    if kind == "dhus" and download_port:
        raise UsageError(
            "a hub of the kind dhus has one port only", advice="Leave out --download-port"
        )
    tls = _tls(tls_certificate, tls_key)
    hub = _hub(kind, Path(folder), user, tls, host, (port, download_port))
    interruption = Interruption(output.restore_terminal)
    with interruption.received():
        anyio.run(_serve, hub, output, interruption, user is DEFAULT_USER)
    return ExitCode.OK


def _hub(
    kind: str,
    folder: Path,
    user: User,
    tls: ssl.SSLContext | None,
    host: str,
    ports: tuple[int, int],
) -> EmbeddedHub | EmbeddedDhus:
    from s2fetch.embedded.dhus.hub import EmbeddedDhus
    from s2fetch.embedded.hub import EmbeddedHub

    if kind == "dhus":
        return EmbeddedDhus(folder, users=(user,), ssl_context=tls, host=host, port=ports[0])
    catalogue_port, download_port = ports
    return EmbeddedHub(
        folder,
        users=(user,),
        ssl_context=tls,
        host=host,
        catalogue_port=catalogue_port,
        download_port=download_port,
    )


async def _serve(
    hub: EmbeddedHub | EmbeddedDhus, output: Output, interruption: Interruption, show_password: bool
) -> None:
    import asyncio

    from s2fetch.embedded.dhus.hub import EmbeddedDhus

    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(hub)
        except OSError as error:
            reason = error.strerror or str(error)
            if error.errno in _NO_ADDRESS or isinstance(error, socket.gaierror):
                raise UsageError(
                    f"the hub cannot listen where it is to ({reason})",
                    advice="End what uses the port, or give another --host, --port or "
                    "--download-port",
                ) from error
            raise ArchiveError(f"the hub cannot serve the folder ({reason})") from error
        if not hub.folder.entries:
            output.warn("there are no products in the folder")
        for name, value in hub.environment().items():
            if show_password or not name.endswith("_PASSWORD"):
                output.result(f"export {name}={shlex.quote(value)}")
        if isinstance(hub, EmbeddedDhus):
            output.result('# and give --kind dhus, or kind = "dhus" below [hub]')
        with interruption.stopping(partial(loop.call_soon_threadsafe, stop.set)):
            await stop.wait()


def _tls(certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(f"the certificate cannot be used: {error}") from error
    return context
