"""The log: one structured line for each event, readable or JSON."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from s2fetch.cli.text import printable
from s2fetch.cli.third_party import library_warnings
from s2fetch.events import (
    Event,
    EventBus,
    ProductCompleted,
    ProductFailed,
    ProductQuarantined,
    TransferEnded,
    TransferStarted,
)
from s2fetch.product import Product

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

_LEVELS = {"trace": 5, "debug": 10, "info": 20, "warning": 30, "error": 40}
"""Numbers of the levels; ``trace`` is never logged, it is for those who watch."""
_SETTLED = (ProductCompleted, ProductFailed, ProductQuarantined)
_TRACKED = frozenset({TransferStarted, TransferEnded, *_SETTLED})


class EventLog:
    """A listener that writes one line per event that is important enough, and cheap otherwise.

    Every line has the event's name, its level, the time in UTC (ISO 8601) and the event's own
    fields; ``archive``, ``product``, ``account`` and ``attempt`` are the same in all of them.

    Args:
        stream: Where to; a stream that breaks is given up without a word.
        as_json: JSON lines instead of readable ones.
        least: ``debug``, ``info`` or ``warning``.
        colours: Whether readable lines may have colours.
        to_journal: Whether each line begins with its priority, for journald to take away.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        as_json: bool,
        least: str,
        colours: bool = False,
        to_journal: bool = False,
    ) -> None:
        self._stream = stream
        self._as_json = as_json
        self._colours = colours
        self._to_journal = to_journal
        self._transfers: dict[tuple[str, str], Mapping[str, object]] = {}
        self._least = _LEVELS[least]
        self._silent = frozenset(name for name, level in _LEVELS.items() if level < self._least)

    @cached_property
    def _logger(self) -> FilteringBoundLogger:
        """Made for the first line: structlog brings rich along, a seventh of a command's start."""
        import structlog

        renderer: structlog.typing.Processor = (
            structlog.processors.JSONRenderer(serializer=_json)
            if self._as_json
            else structlog.dev.ConsoleRenderer(
                colors=self._colours, sort_keys=False, pad_event_to=22
            )
        )
        logger: FilteringBoundLogger = structlog.wrap_logger(
            _Lines(self._stream, prefixed=self._to_journal),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                renderer,
            ],
            wrapper_class=structlog.make_filtering_bound_logger(self._least),
            context_class=dict,
            cache_logger_on_first_use=True,
        )
        return logger

    def __call__(self, event: Event) -> None:
        """Write one event, unless it is below the level."""
        bound = self._bind(event) if type(event) in _TRACKED else {}
        if event.level not in self._silent:
            fields = {**bound, **fields_of(event)}
            self._logger.log(_LEVELS[event.level], event.name, **fields)

    def write(self, level: str, name: str, **fields: object) -> None:
        """Write a line that is no event of the engine."""
        shown = {key: _plain(value) for key, value in fields.items()}
        self._logger.log(_LEVELS[level], name, **shown)

    @contextmanager
    def shown(self, bus: EventBus) -> Iterator[None]:
        """Log what the bus tells until the block ends, and what libraries warn of."""
        remove = bus.subscribe(self)
        try:
            with library_warnings(self._tell):
                yield
        finally:
            remove()

    def _tell(self, level: str, logger: str, message: str) -> None:
        self.write(level, "library", logger=logger, message=message)

    def _bind(self, event: Event) -> Mapping[str, object]:
        """Account and attempt of the product's transfer, for events that do not say it."""
        if isinstance(event, TransferStarted):
            bound = {"account": event.account, "attempt": event.attempt}
            self._transfers[event.archive, event.product.id] = bound
            return bound
        if isinstance(event, _SETTLED):
            return self._transfers.pop((event.archive, event.product.id), {})
        if isinstance(event, TransferEnded):
            return self._transfers.get((event.archive, event.product.id), {})
        return {}


class _Lines:
    """Writes lines; what structlog calls a logger.

    Prefixed lines begin with their priority as sd-daemon(3) has it: ``<4>`` for a warning.
    """

    def __init__(self, stream: TextIO, *, prefixed: bool) -> None:
        self._stream: TextIO | None = stream
        self._prefixed = prefixed

    def error(self, line: str) -> None:
        self._write("<3>", line)

    def warning(self, line: str) -> None:
        self._write("<4>", line)

    def info(self, line: str) -> None:
        self._write("<6>", line)

    def debug(self, line: str) -> None:
        self._write("<7>", line)

    def _write(self, prefix: str, line: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(f"{prefix}{line}\n" if self._prefixed else f"{line}\n")
            self._stream.flush()
        except (OSError, ValueError):
            self._stream = None  # nobody reads the log any more; the run is worth more than it


def goes_to_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether a stream is the journal's: ``JOURNAL_STREAM`` has its numbers (systemd.exec(5))."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def fields_of(event: Event) -> dict[str, Any]:
    """An event's fields as a log has them: the product by name and id, everything else plain."""
    fields: dict[str, Any] = {}
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if isinstance(value, Product):
            fields["product"] = printable(value.name)
            fields["product_id"] = printable(value.id)
        elif name != "archive" or value:
            fields[name] = _plain(value)
    return fields


def _plain(value: object) -> object:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, str):
        return printable(str(value))
    return value


def _json(value: object, **_: object) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()
