"""When an archive's runs are due: an interval or a cron expression, off the full hour.

Both are moments on a grid that depends on the configuration alone, never on when the process was
started: a restart neither brings a run forward nor puts it off.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta, tzinfo
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from s2fetch.errors import UsageError
from s2fetch.units import format_duration, parse_duration

LEAST_INTERVAL_SECONDS = 60.0
USUAL_JITTER_SECONDS = 900.0
"""Most jitter when none is configured; a quarter of the interval when that is less."""
_LEAST_SHARE = 0.05
"""Of the jitter: with less, some archives would begin at the full hour after all."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PROBE = datetime(2024, 1, 1, tzinfo=UTC)
_ALIASES = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")
_CRON_FIELDS = 5
_DICED = re.compile(r"(?<![A-Z])[HR](?![A-Z])", re.IGNORECASE)
"""Fields that croniter chooses by itself; the jitter is ours."""
_RANGE_OF_ONE = re.compile(r"(?<!\w)(\w+)-\1(?!\w)", re.IGNORECASE)
"""croniter takes 3-3 for every value, so that what is due once a day would be due every hour."""


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """The moments at which runs are due.

    Attributes:
        text: As the user wrote it.
        every_seconds: The interval; 0 for a cron expression.
        zone: Name of the time zone a cron expression is meant in; an interval has none.
        shift_seconds: How much later than the grid or the expression says.
    """

    text: str
    every_seconds: float = 0.0
    zone: str = "UTC"
    shift_seconds: float = 0.0

    def next_after(self, moment: datetime) -> datetime:
        """The first due moment later than an aware moment; in UTC.

        Where clocks go forward, what would fall into the missing hour is due at its end. Where they
        go back, what has a fixed hour is due once, in the first of the two hours, and what is due
        every hour goes on in both.
        """
        shift = timedelta(seconds=self.shift_seconds)
        unshifted = moment.astimezone(UTC) - shift
        return (self._interval(unshifted) if self.every_seconds else self._cron(unshifted)) + shift

    def shifted(self, archive: str, jitter_seconds: float | None = None) -> Schedule:
        """This schedule with an archive's own delay, the same at every start.

        Args:
            archive: Its name, which decides the delay.
            jitter_seconds: Longest delay; None for the usual one.

        Raises:
            ValueError: If the jitter is longer than the interval.
        """
        if jitter_seconds is None:
            jitter_seconds = USUAL_JITTER_SECONDS
            if self.every_seconds:
                jitter_seconds = min(jitter_seconds, self.every_seconds / 4)
        elif self.every_seconds and jitter_seconds > self.every_seconds:
            raise ValueError(
                f"a jitter of {format_duration(jitter_seconds)} is longer than the interval of "
                f"{format_duration(self.every_seconds)}"
            )
        digest = hashlib.sha256(archive.encode()).digest()
        fraction = int.from_bytes(digest[:8]) / 2**64
        share = _LEAST_SHARE + (1 - _LEAST_SHARE) * fraction
        return msgspec.structs.replace(self, shift_seconds=float(round(jitter_seconds * share)))

    def _interval(self, moment: datetime) -> datetime:
        every = timedelta(seconds=self.every_seconds)
        return _EPOCH + ((moment - _EPOCH) // every + 1) * every

    def _cron(self, moment: datetime) -> datetime:
        times = _croniter().croniter(self.text, moment.astimezone(load_zone(self.zone)))
        every_hour = self.text.startswith("@hourly") or _hour_field(self.text).startswith("*")
        while True:
            found: datetime = times.get_next(datetime)
            if every_hour or not _is_repeated(found):
                return found.astimezone(UTC)


def parse_schedule(raw: object, zone: str = "UTC") -> Schedule:
    """A schedule from ``"6h"`` or a cron expression of five fields, ``"30 4 * * *"``.

    Args:
        raw: Text, or a number of seconds.
        zone: Name of the time zone a cron expression is meant in, as `load_zone` knows it.

    Raises:
        ValueError: If it is neither, or never comes.
        UsageError: If it is a cron expression and croniter is not installed.
    """
    text = " ".join(raw.split()) if isinstance(raw, str) else ""
    if text.startswith("@") or len(text.split()) == _CRON_FIELDS:
        return _parse_cron(text, zone)
    try:
        seconds = parse_duration(raw)
    except ValueError:
        raise ValueError(
            f"{raw!r} is not a schedule: write an interval, for example 6h, or a cron expression "
            "of five fields, for example 30 4 * * *"
        ) from None
    if seconds < LEAST_INTERVAL_SECONDS:
        raise ValueError(f"{raw!r} is not enough for a run: write at least 1 min")
    return Schedule(text=text or f"{seconds:g}s", every_seconds=seconds)


def load_zone(name: str) -> tzinfo:
    """A time zone by its name in the IANA database.

    Raises:
        ValueError: If there is none of this name on this machine.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # a folder of the database is an OSError
        raise ValueError(
            f"{name!r} is no time zone this machine knows: write for example UTC or Europe/Rome"
        ) from None


def _parse_cron(text: str, zone: str) -> Schedule:
    if text.startswith("@") and text not in _ALIASES:
        raise ValueError(f"{text!r} is not one of {', '.join(_ALIASES)}")
    if not text.startswith("@") and _DICED.search(text):
        raise ValueError(f"{text!r} leaves a field to chance: write a number, and set the jitter")
    if found := _RANGE_OF_ONE.search(text):
        raise ValueError(f"{text!r} has a range of one, {found[0]}: write {found[1]}")
    load_zone(zone)
    schedule = Schedule(text=text, zone=zone)
    errors = _croniter()
    try:
        schedule.next_after(_PROBE)
    except errors.CroniterBadDateError:
        raise ValueError(f"{text!r} never comes: there is no such day") from None
    except (errors.CroniterError, ValueError, KeyError) as error:
        raise ValueError(f"{text!r} is not a cron expression: {error}") from None
    return schedule


def _hour_field(text: str) -> str:
    return text.split()[1] if not text.startswith("@") else ""


def _is_repeated(local: datetime) -> bool:
    """Whether this local time came an hour ago already, because clocks went back."""
    return bool(local.fold) and local.replace(fold=0).utcoffset() != local.utcoffset()


def _croniter() -> Any:  # noqa: ANN401 - a library without types
    try:
        return import_module("croniter")
    except ImportError:
        raise UsageError(
            "cron expressions need the library croniter, which is not installed",
            advice="Run: pip install 's2fetch[daemon]', or write an interval such as 6h",
        ) from None
