"""What an operator may set about the HTTP face, and what is refused before anything listens."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from s2fetch.account.secret import others_can_read
from s2fetch.config.values import is_loopback
from s2fetch.daemon.liveness import LOOP_DELAY_LIMIT, STALL_LIMIT
from s2fetch.errors import UsageError

if TYPE_CHECKING:
    from s2fetch.daemon.values import HttpConfig

LEAST_TOKEN_LENGTH = 24
"""Shorter ones can be guessed by whoever may ask often enough."""
_MOST_TOKEN_BYTES = 4096
_MAKE_ONE = "Make one with: (umask 077; openssl rand -hex 32 > FILE)"


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where the face listens and whom it answers.

    Attributes:
        host: Address to bind. On loopback everybody on the machine may read; any other address
            needs a token or ``client_ca``.
        port: Port; 0 for any.
        token_file: File with the bearer token, readable by its owner only. Whatever changes the
            daemon's state needs it, on loopback too.
        read_token_file: File with another one that may read everything and change nothing, for
            whoever watches.
        certificate: PEM file of the server's certificate chain: serve HTTPS.
        key: PEM file of its private key, readable by its owner only.
        client_ca: PEM file with the authorities whose client certificates are let in; nobody is
            without one.
        names: Names under which the face is reached, besides loopback ones: a ``Host`` that is
            none of them is refused. Empty on another address than loopback: any.
        loop_delay_limit: Seconds by which the event loop may be late and still count as alive.
        stall_limit: Seconds for which the engine may have work without any progress.
        connections: Most connections at a time; one more is answered 503, with TLS it is closed.
        streams: Most clients of the event stream at a time.
        tick: Seconds between two states in the stream.
        heartbeat: Seconds of silence after which the stream shows that it lives.
    """

    host: str = "127.0.0.1"
    port: int = 8642
    token_file: Path | None = None
    read_token_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    names: tuple[str, ...] = ()
    loop_delay_limit: float = LOOP_DELAY_LIMIT
    stall_limit: float = STALL_LIMIT
    connections: int = 128
    streams: int = 32
    tick: float = 1.0
    heartbeat: float = 15.0

    @property
    def on_loopback(self) -> bool:
        """Whether only programs on this machine can connect."""
        return is_loopback(self.host)

    @property
    def scheme(self) -> str:
        """``http`` or ``https``."""
        return "https" if self.certificate else "http"

    def check(self) -> None:
        """Refuse what would let strangers in.

        Raises:
            UsageError: The first of `mistakes`.
        """
        for _, error in mistakes(self):
            raise error


def mistakes(http: HttpSettings | HttpConfig) -> Iterator[tuple[str, UsageError]]:
    """What would let strangers in or is of no use together, with the key it is told at."""
    if not is_loopback(http.host) and not (
        http.token_file or http.read_token_file or http.client_ca
    ):
        yield (
            "host",
            UsageError(
                f"{http.host or 'an empty address'} can be reached from other machines, so that it "
                "needs a token or client certificates",
                advice="Set token-file, read-token-file or client-ca, or listen at 127.0.0.1",
            ),
        )
    if (http.certificate is None) != (http.key is None):
        yield (
            "certificate" if http.certificate else "key",
            UsageError("certificate and key are only of use together"),
        )
    if http.client_ca is not None and http.certificate is None:
        yield "client-ca", UsageError("client certificates need a certificate too")


class Tokens(msgspec.Struct, frozen=True):
    """What requests have to show.

    Attributes:
        change: For everything; None when there is none.
        read: For what changes nothing; None when there is none.
    """

    change: bytes | None = None
    read: bytes | None = None

    def __repr__(self) -> str:
        return "<Tokens>"  # never the tokens


def read_tokens(settings: HttpSettings, environ: Mapping[str, str]) -> Tokens:
    """The tokens in the files of the settings.

    Raises:
        UsageError: As `read_token`, or both are the same.
    """
    change, read = (
        None if path is None else read_token(path, environ)
        for path in (settings.token_file, settings.read_token_file)
    )
    if read is not None and read == change:
        raise UsageError(
            f"{settings.token_file} and {settings.read_token_file} hold the same token, so that "
            "whoever may read could change everything",
            advice=_MAKE_ONE.replace("FILE", str(settings.read_token_file)),
        )
    return Tokens(change, read)


def read_token(path: Path, environ: Mapping[str, str]) -> bytes:
    """The token in a file, without the newline at its end.

    Args:
        path: The file.
        environ: As for `account.secret.others_can_read`.

    Raises:
        UsageError: It cannot be read, others can read it, or it is no token.
    """
    try:
        refuse_if_open(path, "the token of the HTTP face", environ)
        with path.open("rb") as file:
            token = file.read(_MOST_TOKEN_BYTES).strip()
    except OSError as error:
        raise UsageError(
            f"the token file {path} cannot be read: {error.strerror}",
            advice=_MAKE_ONE.replace("FILE", str(path)),
        ) from None
    if len(token) < LEAST_TOKEN_LENGTH or not all(0x21 <= byte <= 0x7E for byte in token):
        raise UsageError(
            f"{path} holds no token: one line of at least {LEAST_TOKEN_LENGTH} visible ASCII "
            "characters is needed",
            advice=_MAKE_ONE.replace("FILE", str(path)),
        )
    return token


def refuse_if_open(path: Path, what: str, environ: Mapping[str, str]) -> None:
    """Refuse a file with a secret that others can read.

    Raises:
        UsageError: Others can, see `account.secret.others_can_read`.
        OSError: It cannot be looked at.
    """
    mode = path.stat().st_mode
    if others_can_read(path, mode, environ):
        raise UsageError(
            f"{path} holds {what}, and others can read it (mode {stat.S_IMODE(mode):04o})",
            advice=f"Run: chmod 600 {path}",
        )
