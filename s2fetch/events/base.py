"""What an event is, and the way to those who want to know."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ClassVar

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all events.

    Attributes:
        name: Stable name in logs, e.g. ``product-completed``.
        level: ``debug``, ``info``, ``warning`` or ``error``.
        archive: In which archive of a daemon it happened; empty where there is only one, or when it
            concerns all of them.
    """

    name: ClassVar[str] = "event"
    level: ClassVar[str] = "info"
    archive: str = ""


Listener = Callable[[Event], None]


class EventBus:
    """Hands every event to every listener, in the order they subscribed."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; the returned function removes it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def emit(self, event: Event) -> None:
        """Tell everyone. A listener that raises is removed and reported, and never hurts a run."""
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:
                self._listeners.remove(listener)
                logging.getLogger("s2fetch").exception("event listener failed and was removed")
