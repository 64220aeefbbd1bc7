"""From what a daemon's file holds to typed values; see `config.parsers` for the contract."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

from s2fetch.config import parsers
from s2fetch.config.parsers import Context, shown
from s2fetch.config.values import is_loopback
from s2fetch.daemon.control_socket import check_length
from s2fetch.daemon.schedule import Schedule, load_zone, parse_schedule
from s2fetch.errors import UsageError
from s2fetch.units import parse_duration

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%")
LEAST_OVERLAP_SECONDS = 3600.0


def name(raw: object, _: Context) -> str:
    """The name of an archive, which is part of addresses and of commands."""
    if not isinstance(raw, str) or not _NAME.fullmatch(raw):
        raise ValueError(
            f"{shown(raw)} is not a name for an archive: write up to 64 letters, digits, dots, "
            "dashes and underscores, a letter or digit first"
        )
    return raw


def schedule(raw: object, _: Context) -> Schedule:
    """An interval or a cron expression; its zone is put in later."""
    return parse_schedule(raw)


def zone(raw: object, context: Context) -> str:
    """The name of a time zone."""
    found = parsers.text(raw, context)
    load_zone(found)
    return found


def command(raw: object, _: Context) -> tuple[str, ...]:
    """A program and its arguments, as a list: no shell takes it apart."""
    wanted = 'write a list, for example ["/usr/local/bin/tell", "--short"]'
    if not isinstance(raw, list | tuple) or not raw or not all(isinstance(x, str) for x in raw):
        raise ValueError(f"{shown(raw)} is not a command: {wanted}")
    if any("\0" in argument for argument in raw) or not raw[0].strip():
        raise ValueError(f"{shown(raw)} is not a command: {wanted}")
    if "/" in raw[0] and not Path(raw[0]).is_absolute():
        raise ValueError(
            f"{shown(raw[0])} is not an absolute path, and the daemon has no folder of its own to "
            "start from"
        )
    return tuple(raw)


def period(raw: object, context: Context) -> float:
    """A duration in seconds, or 0 for never."""
    if isinstance(raw, str) and raw.strip().lower() == "never":
        return 0.0
    return parsers.positive_duration(raw, context)


def overlap(raw: object, _: Context) -> float:
    """How far to look back, in seconds."""
    seconds = parse_duration(raw)
    if seconds < LEAST_OVERLAP_SECONDS:
        raise ValueError(
            f"{shown(raw)} is not enough: products and checksums arrive late, write at least 1h"
        )
    return seconds


def share(raw: object, _: Context) -> float:
    """A share from ``5%``, 0 to 1."""
    match = _PERCENT.fullmatch(raw.strip()) if isinstance(raw, str) else None
    if match is None or float(match[1]) > 100:
        raise ValueError(f"{shown(raw)} is not a share: write percent, for example 5%")
    return float(match[1]) / 100


def address(raw: object, context: Context) -> str:
    """An address to listen at."""
    found = parsers.text(raw, context) if isinstance(raw, str) else ""
    if found.lower() == "localhost":
        return "localhost"
    try:
        given = ipaddress.ip_address(found.strip("[]"))
    except ValueError:
        wanted = "write for example 127.0.0.1, ::1 or 0.0.0.0"
        raise ValueError(f"{shown(raw)} is not an address to listen at: {wanted}") from None
    # The sockets are for IPv6 only, and cannot be bound to an address of IPv4 in disguise.
    return str(getattr(given, "ipv4_mapped", None) or given)


def socket(raw: object, context: Context) -> Path:
    """A path that a socket can have."""
    found = parsers.path(raw, context)
    try:
        check_length(found)
    except UsageError as error:
        raise ValueError(str(error)) from None
    return found


def host_name(raw: object, _: Context) -> str:
    """A name of this machine."""
    if not isinstance(raw, str) or not _HOST_NAME.fullmatch(raw.strip()):
        raise ValueError(f"{shown(raw)} is not a host name: write for example s2.example.org")
    return raw.strip().lower()


def webhook(raw: object, _: Context) -> str:
    """A URL to post to: https, or http on loopback. It may hold a secret, and is not repeated."""
    wanted = "write for example https://alerts.example.org/s2fetch"
    try:
        parts = urlsplit(raw.strip() if isinstance(raw, str) else "")
        host, _port = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host or re.search(r"\s", parts.geturl()):
        raise ValueError(f"this is not a URL: {wanted}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL must not hold a user or a password: use secret-file")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("this URL is not encrypted: only https is used, except on localhost")
    return parts._replace(fragment="").geturl()
