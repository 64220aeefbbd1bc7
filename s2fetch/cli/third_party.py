"""Warnings of libraries, told where the events are told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Tell = Callable[[str, str, str], None]
"""Takes level (``warning`` or ``error``), name of the logger, and message."""


@contextmanager
def library_warnings(tell: Tell) -> Iterator[None]:
    """Hand on what libraries log as a warning or worse, instead of printing it in between."""
    handler = _Handler(tell)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class _Handler(logging.Handler):
    def __init__(self, tell: Tell) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        level = "error" if record.levelno >= logging.ERROR else "warning"
        self._tell(level, record.name, self.format(record))
