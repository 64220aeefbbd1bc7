"""The log: one structured line for each event, readable or JSON."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import msgspec
import structlog

from s2fetch.cli.text import printable
from s2fetch.events import Event, EventBus
from s2fetch.product import Product

_LEVELS = {"trace": 5, "debug": 10, "info": 20, "warning": 30, "error": 40}
"""Numbers of the levels; ``trace`` is never logged, it is for those who watch."""


class EventLog:
    """A listener that writes one line per event that is important enough, and cheap otherwise.

    Every line has the event's name, its level, the time in UTC (ISO 8601) and the event's own
    fields; ``product``, ``account`` and ``attempt`` are the same fields in all of them.

    Args:
        stream: Where to; a stream that breaks is given up without a word.
        as_json: JSON lines instead of readable ones.
        least: ``debug``, ``info`` or ``warning``.
        colours: Whether readable lines may have colours.
    """

    def __init__(self, stream: TextIO, *, as_json: bool, least: str, colours: bool = False) -> None:
        renderer: structlog.typing.Processor = (
            structlog.processors.JSONRenderer(serializer=_json)
            if as_json
            else structlog.dev.ConsoleRenderer(colors=colours, sort_keys=False, pad_event_to=22)
        )
        self._least = _LEVELS[least]
        self._silent = frozenset(name for name, level in _LEVELS.items() if level < self._least)
        self._logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
            _Lines(stream),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                renderer,
            ],
            wrapper_class=structlog.make_filtering_bound_logger(self._least),
            context_class=dict,
            cache_logger_on_first_use=True,
        )

    def __call__(self, event: Event) -> None:
        """Write one event, unless it is below the level."""
        if event.level not in self._silent:
            self._logger.log(_LEVELS[event.level], event.name, **fields_of(event))

    def write(self, level: str, name: str, **fields: object) -> None:
        """Write a line that is no event of the engine."""
        shown = {key: _plain(value) for key, value in fields.items()}
        self._logger.log(_LEVELS[level], name, **shown)

    @contextmanager
    def shown(self, bus: EventBus) -> Iterator[None]:
        """Log what the bus tells until the block ends, and what libraries warn of."""
        remove = bus.subscribe(self)
        handler = _LibraryRecords(self.write)
        root = logging.getLogger()
        root.addHandler(handler)
        try:
            yield
        finally:
            root.removeHandler(handler)
            remove()


class _LibraryRecords(logging.Handler):
    """Warnings of libraries, so that they are lines of the same log."""

    def __init__(self, write: Callable[..., None]) -> None:
        super().__init__(logging.WARNING)
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        level = "error" if record.levelno >= logging.ERROR else "warning"
        text = self.format(record)
        self._write(level, "library", logger=record.name, message=text)


class _Lines:
    """Writes lines; what structlog calls a logger."""

    def __init__(self, stream: TextIO) -> None:
        self._stream: TextIO | None = stream

    def msg(self, line: str) -> None:
        """Write one line."""
        if self._stream is None:
            return
        try:
            self._stream.write(f"{line}\n")
            self._stream.flush()
        except (OSError, ValueError):
            self._stream = None  # nobody reads the log any more; the run is worth more than it

    log = debug = info = warning = error = msg


def fields_of(event: Event) -> dict[str, Any]:
    """An event's fields as a log has them: the product by name and id, everything else plain."""
    fields: dict[str, Any] = {}
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if isinstance(value, Product):
            fields["product"] = printable(value.name)
            fields["product_id"] = printable(value.id)
        else:
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
