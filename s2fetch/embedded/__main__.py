"""Runs a hub in its own process: ``python -m s2fetch.embedded FOLDER``.

Prints one line of JSON with its URLs and the environment for clients once it listens, and stops on
SIGTERM or SIGINT. The counters can be read at ``stats_url`` and faults set with a POST of a JSON
list to ``/_hub/faults``.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from s2fetch.embedded.dhus.hub import EmbeddedDhus
from s2fetch.embedded.dhus.settings import DhusSettings, Generation
from s2fetch.embedded.faults import Fault
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.identity import TokenPolicy, User
from s2fetch.embedded.listing import Catalogue
from s2fetch.embedded.missions import mission_products
from s2fetch.embedded.state import HubSettings, OfflineAnswer, Ranges
from s2fetch.embedded.synthetic import SyntheticCatalogue


def parser() -> argparse.ArgumentParser:
    """The command line."""
    line = argparse.ArgumentParser(prog="python -m s2fetch.embedded", description=__doc__)
    line.add_argument("--kind", choices=("cdse", "dhus"), default="cdse", help="protocol")
    line.add_argument("folder", nargs="?", type=Path, help="products to serve")
    line.add_argument("--synthetic", type=int, metavar="COUNT", help="serve this many made-up rows")
    line.add_argument(
        "--missions", type=int, metavar="EACH", help="serve this many products of every type"
    )
    line.add_argument("--same-start", type=int, default=4, help="made-up rows per start time")
    line.add_argument("--size", type=int, default=800_000_000, help="bytes listed for made-up rows")
    line.add_argument("--body", type=Path, help="file every made-up row is downloaded as")
    line.add_argument("--host", default="127.0.0.1")
    line.add_argument("--port", type=int, default=0, help="of the catalogue")
    line.add_argument("--download-port", type=int, default=0)
    line.add_argument("--user", default="demo@example.org")
    line.add_argument("--password", default="demo")
    line.add_argument("--rate", type=float, help="bytes per second of each connection")
    line.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    line.add_argument("--cap", type=int, default=4, help="transfers per account at a time")
    line.add_argument("--slot-release", type=float, default=0.0, help="seconds")
    line.add_argument(
        "--generation", choices=list(Generation), default=Generation.V2, help="of the DHuS"
    )
    line.add_argument("--base-path", default="/dhus", help="of the DHuS; empty for none")
    line.add_argument("--ranges", choices=list(Ranges), default=Ranges.HONOUR)
    line.add_argument("--offline", choices=list(OfflineAnswer), default=OfflineAnswer.ACCEPTED)
    line.add_argument("--retrieval", type=float, default=1.0, help="seconds")
    line.add_argument("--token-life", type=int, default=600, help="seconds")
    line.add_argument("--refresh-life", type=int, default=3600, help="seconds")
    line.add_argument("--faults", type=Path, help="JSON list of faults")
    line.add_argument("--tls-cert", type=Path, help="serve HTTPS with this certificate (PEM)")
    line.add_argument("--tls-key", type=Path, help="its key (PEM)")
    return line


def hub_from(options: argparse.Namespace) -> EmbeddedHub | EmbeddedDhus:
    """The hub the options describe.

    Raises:
        OSError: A file cannot be read.
        msgspec.ValidationError: The faults are not faults.
    """
    context = None
    if options.tls_cert is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.tls_cert, options.tls_key)
    given = options.faults.read_bytes() if options.faults else b"[]"
    faults = msgspec.json.decode(given, type=list[Fault])
    if options.kind == "dhus":
        return _dhus_from(options, faults, context)
    return EmbeddedHub(
        _source(options),
        users=(User(name=options.user, password=options.password),),
        settings=HubSettings(
            ranges=Ranges(options.ranges),
            bytes_per_second=options.rate,
            latency_seconds=options.latency,
            most_transfers=options.cap,
            slot_release_seconds=options.slot_release,
            offline_answer=OfflineAnswer(options.offline),
            retrieval_seconds=options.retrieval,
        ),
        tokens=TokenPolicy(access_seconds=options.token_life, refresh_seconds=options.refresh_life),
        faults=faults,
        ssl_context=context,
        host=options.host,
        catalogue_port=options.port,
        download_port=options.download_port,
    )


async def serve(hub: EmbeddedHub | EmbeddedDhus) -> None:
    """Run until told to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with hub:
        ready = _urls(hub) | {"stats_url": hub.stats_url, "environment": hub.environment()}
        sys.stdout.write(msgspec.json.encode(ready).decode() + "\n")
        sys.stdout.flush()
        await stop.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    line = parser()
    options = line.parse_args(arguments)
    sources = (options.folder, options.synthetic, options.missions)
    if sum(source is not None for source in sources) != 1:
        line.error("give either a folder, --synthetic COUNT or --missions EACH")
    try:
        asyncio.run(serve(hub_from(options)))
    except (OSError, msgspec.MsgspecError) as error:
        line.exit(1, f"{line.prog}: {error}\n")
    return 0


def _dhus_from(
    options: argparse.Namespace, faults: list[Fault], context: ssl.SSLContext | None
) -> EmbeddedDhus:
    return EmbeddedDhus(
        _source(options),
        users=(User(name=options.user, password=options.password),),
        settings=DhusSettings(
            generation=Generation(options.generation),
            base_path=options.base_path,
            most_flows=options.cap,
            flow_release_seconds=options.slot_release,
            bytes_per_second=options.rate,
            latency_seconds=options.latency,
            ranges=Ranges(options.ranges),
            restore_seconds=options.retrieval,
        ),
        faults=faults,
        ssl_context=context,
        host=options.host,
        port=options.port,
    )


def _urls(hub: EmbeddedHub | EmbeddedDhus) -> dict[str, object]:
    if isinstance(hub, EmbeddedDhus):
        return {"url": hub.url}
    return {
        "catalogue_url": hub.catalogue_url,
        "download_url": hub.download_url,
        "token_url": hub.token_url,
    }


def _source(options: argparse.Namespace) -> Path | Catalogue:
    if options.missions is not None:
        return FolderCatalogue(mission_products(options.missions))
    if options.synthetic is None:
        folder: Path = options.folder
        return folder
    body = options.body.read_bytes() if options.body else None
    return SyntheticCatalogue(
        options.synthetic, same_start=options.same_start, size=options.size, body=body
    )


if __name__ == "__main__":
    sys.exit(main())
