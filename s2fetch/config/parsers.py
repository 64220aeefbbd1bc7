"""From what a file, the environment or an option holds to a typed value.

A parser takes the raw value and the context it was given in, and raises `ValueError` or a
`UsageError` with a sentence that says what is wanted; where it was given is added by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import msgspec

from s2fetch import units
from s2fetch.config.values import is_loopback
from s2fetch.naming import STREAMS
from s2fetch.paths import is_file, is_there
from s2fetch.query import VersionPolicy
from s2fetch.timetable import timetable
from s2fetch.utf8 import is_utf8

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a value's meaning depends on.

    Attributes:
        now: What relative times count from; aware.
        folder: What relative paths start from; None keeps them as they are.
        environ: For the home folder of ``~``.
    """

    now: datetime
    folder: Path | None
    environ: Mapping[str, str]


Parser = Callable[[object, Context], T]

_PERCENT = r"(-?[0-9]+(?:\.[0-9]+)?)"
_CLOUD = re.compile(rf"(?:{_PERCENT}\s*\.\.\s*)?{_PERCENT}\s*%?")
_SHARE = re.compile(rf"{_PERCENT}\s*%?")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BASELINE = re.compile(r"N?(\d{2})\.?(\d{2})")
STDIN = Path("-")
"""Stands for standard input where a file is read."""
LEAST_BYTES = 1000
"""A rate or volume below it has lost its unit: ``5`` is five bytes."""
_SPAN = re.compile(r"([0-9]{1,9})(?:\s*\.\.\s*([0-9]{1,9}))?")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:\d{1,5})?")


def shown(raw: object) -> str:
    """A raw value the way a TOML file has it, shortened."""
    if isinstance(raw, bool):
        return str(raw).lower()
    text = raw.isoformat() if isinstance(raw, date | time) else repr(raw)
    return text if len(text) <= 60 else f"{text[:57]}..."


def text(raw: object, _: Context) -> str:
    """A string that is not empty."""
    if isinstance(raw, str) and raw.strip():
        return raw.strip()
    wrong = f"{shown(raw)} is not text: write it in quotes"
    raise ValueError("it is empty; leave it out instead" if isinstance(raw, str) else wrong)


def layout(raw: object, context: Context) -> str:
    """A template of paths inside the archive."""
    template = text(raw, context)
    if template != "{name}":
        from s2fetch.archive.layout import Layout

        Layout(template)
    return template


def flag(raw: object, _: Context) -> bool:
    """A truth value."""
    if isinstance(raw, bool):
        return raw
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if isinstance(raw, str) and (value := known.get(raw.lower())) is not None:
        return value
    raise ValueError(f"{shown(raw)} is neither true nor false")


def whole(least: int, most: int | None = None, example: int = 10) -> Parser[int]:
    """A whole number within bounds."""
    bounds = f"from {least} up" if most is None else f"from {least} to {most}"

    def parse(raw: object, _: Context) -> int:
        digits = str(raw).strip() if isinstance(raw, str | int) else ""
        if not re.fullmatch(r"-?[0-9]{1,15}", digits):
            wanted = f"a whole number {bounds}, for example {example}"
            raise ValueError(f"{shown(raw)} is not {wanted}")
        number = int(digits)
        if number < least or (most is not None and number > most):
            raise ValueError(f"{number} is out of bounds: write a whole number {bounds}")
        return number

    return parse


def choice(values: type[E]) -> Parser[E]:
    """One of an enumeration's values, in any case."""
    known = {member.value: member for member in values}

    def parse(raw: object, _: Context) -> E:
        member = known.get(raw.strip().lower()) if isinstance(raw, str) else None
        if member is None:
            raise ValueError(f"{shown(raw)} is not one of {', '.join(known)}")
        return member

    return parse


def many(parse_one: Parser[T]) -> Parser[tuple[T, ...]]:
    """A list; text may also separate its items by commas. Repetitions are dropped."""

    def parse(raw: object, context: Context) -> tuple[T, ...]:
        items: list[object] = []
        for part in raw if isinstance(raw, list | tuple) else [raw]:
            items += [p.strip() for p in part.split(",")] if isinstance(part, str) else [part]
        return tuple(dict.fromkeys(parse_one(item, context) for item in items))

    return parse


def lines(raw: object, context: Context) -> tuple[str, ...]:
    """A list of texts that may hold commas themselves. Repetitions are dropped."""
    items = raw if isinstance(raw, list | tuple) else [raw]
    return tuple(dict.fromkeys(text(item, context) for item in items))


def span(raw: object, _: Context) -> tuple[int, int]:
    """First and last of a range of numbers, from ``12000..12010``, or ``12000`` for it alone."""
    match = _SPAN.fullmatch(str(raw).strip()) if isinstance(raw, str | int) else None
    if match is None:
        raise ValueError(
            f"{shown(raw)} is not a number or a range: write 12000 or 12000..12010, and with where "
            "orbitNumber>=12000 for a range without an end"
        )
    first, last = int(match[1]), int(match[2] or match[1])
    if first > last:
        raise ValueError(f"{shown(raw)} is the wrong way round: write 12000..12010")
    return first, last


def duration(raw: object, _: Context) -> float:
    """A duration in seconds."""
    return units.parse_duration(raw)


def volume(raw: object, _: Context) -> int:
    """A size in bytes, more than next to nothing."""
    value = units.parse_size(raw)
    if value < LEAST_BYTES:
        raise ValueError(f"{shown(raw)} is not even 1 kB: write for example 100 GB")
    return value


def positive_duration(raw: object, _: Context) -> float:
    """A duration in seconds, longer than nothing."""
    seconds = units.parse_duration(raw)
    if seconds == 0:
        raise ValueError(f"{shown(raw)} is no time at all: write for example 30s or 2 min")
    return seconds


def size(raw: object, context: Context) -> int:
    """A size in bytes; may be nothing, but not next to it."""
    return volume(raw, context) if units.parse_size(raw) else 0


def rate(raw: object, _: Context) -> float:
    """A rate in bytes per second."""
    return units.parse_rate(raw)


def bandwidth(raw: object, _: Context) -> float:
    """A rate in bytes per second that lets something through."""
    value = units.parse_rate(raw)
    if value < LEAST_BYTES:
        raise ValueError(
            f"{shown(raw)} is not even 1 kB/s and lets nothing through: write for example 20 MB/s"
        )
    return value


def limits(raw: object, context: Context) -> dict[str, float | None]:
    """Bandwidths by the span of time in which they hold: a table, or texts ``SPAN = RATE``."""
    if isinstance(raw, dict):
        pairs = list(raw.items())
    else:
        items = raw if isinstance(raw, list | tuple) else [raw]
        pairs = [_limit(item) for item in items]
    found: dict[str, float | None] = {}
    for key, rate_ in pairs:
        key = str(key).strip()
        if key in found:
            raise ValueError(f"{key!r} is not to be given twice")
        unlimited = isinstance(rate_, str) and rate_.strip().lower() == "unlimited"
        try:
            found[key] = None if unlimited else bandwidth(rate_, context)
        except ValueError as error:
            raise ValueError(f"{key!r}: {error}, or unlimited") from None
    timetable(found)
    return found


def _limit(item: object) -> tuple[str, str]:
    key, equals, rate_ = item.partition("=") if isinstance(item, str) else ("", "", "")
    if not equals:
        wanted = "write for example mon-fri 08:00-18:00 = 5 MB/s"
        raise ValueError(f"{shown(item)} is not a limit for a span of time: {wanted}")
    return key, rate_


def zone(raw: object, _: Context) -> ZoneInfo:
    """A time zone by its name in the IANA database."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(raw.strip() if isinstance(raw, str) else "")
    except (ValueError, OSError, KeyError):
        wanted = "write for example Europe/Rome or UTC"
        raise ValueError(f"{shown(raw)} is no time zone this machine knows: {wanted}") from None


def instant(raw: object, context: Context) -> datetime:
    """A point in time, aware, in UTC."""
    return units.parse_time(raw, context.now)


def instant_or_list(raw: object, context: Context) -> datetime | Path:
    """A point in time; or what is no time and names a file that is there, or standard input."""
    try:
        return instant(raw, context)
    except ValueError as error:
        found = path_or_stdin(raw, context) if isinstance(raw, str) and raw.strip() else None
        if found is None or not (found == STDIN or is_file(found)):
            raise ValueError(f"{error}; nor is there a file of this name") from None
        return found


def identifier(raw: object, _: Context) -> str:
    """A hub's identifier of a product: a UUID."""
    found = raw.strip().lower() if isinstance(raw, str) else ""
    if not _UUID.fullmatch(found):
        wanted = "write for example 5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b"
        raise ValueError(f"{shown(raw)} is not an identifier of a product: {wanted}")
    return found


def versions(raw: object, context: Context) -> tuple[VersionPolicy, tuple[str, ...]]:
    """Which versions of one acquisition are taken, and the streams in order of preference."""
    words = tuple(word.upper().rstrip("_") for word in many(text)(raw, context))
    for policy in (VersionPolicy.ALL, VersionPolicy.NEWEST):
        if policy.value.upper() in words:
            if len(words) > 1:
                raise ValueError(f"{policy} stands alone, streams only beside each other")
            return policy, ()
    return VersionPolicy.PREFERENCE, tuple(_stream(word) for word in words)


def _stream(word: str) -> str:
    known = tuple(dict.fromkeys(stream for some in STREAMS.values() for stream in some))
    if match := _BASELINE.fullmatch(word):
        return f"N{match[1]}{match[2]}"
    if word not in known:
        raise ValueError(
            f"{word!r} is not a processing stream: known are all, newest, {', '.join(known)} and "
            "baselines such as N0510"
        )
    return word


def cloud(raw: object, _: Context) -> tuple[float, float]:
    """Least and greatest cloud cover in percent, from ``0..20``, or ``20`` for at most that."""
    wanted = "write percent, for example 20 or 0..20"
    match = _CLOUD.fullmatch(str(raw).strip()) if isinstance(raw, str | int | float) else None
    if match is None:
        raise ValueError(f"{shown(raw)} is not a cloud cover: {wanted}")
    least, greatest = float(match[1] or 0), float(match[2])
    if not all(0 <= percent <= 100 for percent in (least, greatest)):
        raise ValueError(f"{shown(raw)} is not between 0 and 100 percent: {wanted}")
    if least > greatest:
        raise ValueError(f"{shown(raw)} is the wrong way round: {wanted}")
    return least, greatest


def percent(raw: object, _: Context) -> float:
    """A share, 0 to 1, from ``10`` or ``10%``."""
    match = _SHARE.fullmatch(str(raw).strip()) if isinstance(raw, str | int | float) else None
    if match is None or isinstance(raw, bool) or not 0 <= float(match[1]) <= 100:
        raise ValueError(f"{shown(raw)} is not a percentage: write 0 to 100, for example 10")
    return float(match[1]) / 100


def box(raw: object, _: Context) -> str:
    """West, south, east, north as one text; a TOML list of four numbers will do too."""
    if isinstance(raw, list | tuple):
        return ",".join(str(item) for item in raw)
    if isinstance(raw, str):
        return raw
    raise ValueError(f"{shown(raw)} is not a box: write west,south,east,north")


def path(raw: object, context: Context) -> Path:
    """A path; ``~`` is the home folder."""
    if not isinstance(raw, str | Path) or not str(raw).strip() or "\0" in str(raw):
        raise ValueError(f"{shown(raw)} is not a path: write for example /data/sentinel-2")
    found = Path(raw)
    if found.parts[:1] == ("~",):
        home = context.environ.get("HOME")
        if not home:
            raise ValueError(f"{shown(raw)} needs a home folder, but HOME is not set")
        found = Path(home, *found.parts[1:])
    elif context.folder is not None:
        found = context.folder / found
    if not is_utf8(str(found)):
        # Records, reports and logs say where things are.
        wanted = "rename what is not, or begin from inside that folder"
        raise ValueError(f"{str(found)!r} is not UTF-8 text: {wanted}")
    return found


def path_or_stdin(raw: object, context: Context) -> Path:
    """A path, or ``-`` for standard input."""
    return STDIN if raw == "-" else path(raw, context)


def paths(raw: object, context: Context) -> tuple[Path, ...]:
    """One path, or a list of them; a comma is part of a name."""
    items = raw if isinstance(raw, list | tuple) else [raw]
    return tuple(dict.fromkeys(path(item, context) for item in items))


def name_or_path(raw: object, context: Context) -> str | Path:
    """A path when there is something under it or it has a slash; a name otherwise."""
    name = text(raw, context)
    found = path(name, context)
    return found if "/" in name or is_there(found) else name


def url(raw: object, _: Context) -> str:
    """An endpoint: https, or http on loopback; no password inside, no trailing slash."""
    wanted = "write for example https://catalogue.dataspace.copernicus.eu/odata/v1"
    try:
        parts = urlsplit(raw.strip() if isinstance(raw, str) else "")
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"not a URL ({error}): {wanted}") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL must not hold a user or a password: use a credentials file")
    if parts.scheme not in ("http", "https") or not host or re.search(r"\s", parts.geturl()):
        raise ValueError(f"{shown(raw)} is not a URL: {wanted}")
    if parts.query or parts.fragment:
        raise ValueError(f"{shown(raw)} must end with its path, without ? and #: {wanted}")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(f"{shown(raw)} is not encrypted: only https is used, except on localhost")
    return parts.geturl().rstrip("/")


def host(raw: object, _: Context) -> str:
    """A host name or address, with a port where it is not 443."""
    name = raw.strip().lower() if isinstance(raw, str) else ""
    if not _HOST.fullmatch(name):
        wanted = "write a name alone, for example download.dataspace.copernicus.eu"
        raise ValueError(f"{shown(raw)} is not a host: {wanted}")
    return name.removesuffix(":443")
