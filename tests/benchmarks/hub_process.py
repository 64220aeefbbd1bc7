"""The embedded hub in a process of its own, so that what it takes is nobody else's."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import msgspec
import trustme

from s2fetch.embedded.stats import Stats
from tests.benchmarks.figures import IncompleteError

STOP_SECONDS = 10.0
ANSWER_SECONDS = 30.0


class Authority(msgspec.Struct, frozen=True):
    """A certificate authority of our own, and a certificate for loopback, as PEM files."""

    root: Path
    certificate: Path
    key: Path

    @classmethod
    def create(cls, folder: Path) -> Authority:
        """Make one; the files go into ``folder``."""
        root, certificate, key = (folder / f"{name}.pem" for name in ("root", "hub", "key"))
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1", "localhost")
        authority.cert_pem.write_to_path(root)
        issued.private_key_pem.write_to_path(key)
        certificate.unlink(missing_ok=True)
        for blob in issued.cert_chain_pems:
            blob.write_to_path(certificate, append=True)
        return cls(root, certificate, key)


class Ready(msgspec.Struct, frozen=True):
    """What the hub says when it listens."""

    catalogue_url: str
    download_url: str
    token_url: str
    stats_url: str
    environment: dict[str, str]


class HubProcess:
    """A hub that runs. Made by `running_hub`.

    Attributes:
        ready: Its addresses.
        authority: Whose certificate it has; None when it speaks plain HTTP.
    """

    def __init__(self, ready: Ready, authority: Authority | None) -> None:
        self.ready = ready
        self.authority = authority
        root = str(authority.root) if authority else None
        self._context = ssl.create_default_context(cafile=root) if authority else None

    def environment(self, home: Path) -> dict[str, str]:
        """Variables for a client: this hub, and nothing of the user's own.

        Args:
            home: A folder for the client's state.
        """
        outside = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("S2FETCH_") and not name.lower().endswith("_proxy")
        }
        inside = {"HOME": str(home), "S2FETCH_STATE_DIR": str(home / "state")}
        trust = {"SSL_CERT_FILE": str(self.authority.root)} if self.authority else {}
        return outside | inside | trust | self.ready.environment

    def stats(self) -> Stats:
        """The hub's counters."""
        return msgspec.json.decode(self._read(Request(self.ready.stats_url)), type=Stats)

    def token(self) -> str:
        """An access token, for programs that do not log in themselves."""
        form = {
            "client_id": "cdse-public",
            "grant_type": "password",
            "username": self.ready.environment["S2FETCH_USER"],
            "password": self.ready.environment["S2FETCH_PASSWORD"],
        }
        answer = self._read(Request(self.ready.token_url, urlencode(form).encode()))
        return str(json.loads(answer)["access_token"])

    def listing(self) -> dict[str, str]:
        """Id and name of every product; for folders, which one page can list."""
        query = urlencode({"$top": "1000", "$orderby": "ContentDate/Start asc"})
        page = json.loads(self._read(Request(f"{self.ready.catalogue_url}/Products?{query}")))
        return {row["Id"]: row["Name"] for row in page["value"]}

    def body_url(self, product_id: str) -> str:
        """Where a product is downloaded from."""
        return f"{self.ready.download_url}/Products({product_id})/$value"

    def _read(self, request: Request) -> bytes:
        with urlopen(request, timeout=ANSWER_SECONDS, context=self._context) as answer:
            body: bytes = answer.read()
        return body


@contextmanager
def running_hub(
    arguments: Sequence[str | Path], log: Path, authority: Authority | None = None
) -> Iterator[HubProcess]:
    """Run ``python -m s2fetch.embedded``.

    Args:
        arguments: What it serves and how.
        log: Where its complaints go.
        authority: Serve HTTPS with its certificate.

    Raises:
        IncompleteError: It does not start.
    """
    command = [sys.executable, "-m", "s2fetch.embedded", *map(str, arguments)]
    if authority is not None:
        command += ["--tls-cert", str(authority.certificate), "--tls-key", str(authority.key)]
    with (
        log.open("wb") as errors,
        _stopped(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise IncompleteError(f"the hub did not start:\n{log.read_text(errors='replace')}")
        yield HubProcess(msgspec.json.decode(line, type=Ready), authority)


@contextmanager
def _stopped(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    with process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def requests_by_kind(before: Stats, after: Stats) -> Mapping[str, int]:
    """What was asked of a hub between two looks at its counters."""
    kinds = after.requests.keys()
    asked = {kind: after.requests[kind] - before.requests.get(kind, 0) for kind in kinds}
    return {kind: count for kind, count in sorted(asked.items()) if count}
