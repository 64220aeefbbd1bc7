"""The live view of a terminal: a line for each slot, a total below, warnings above."""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from s2fetch.cli import lines
from s2fetch.cli.progress import Progress
from s2fetch.cli.text import printable, sentence, short_name
from s2fetch.cli.third_party import library_warnings
from s2fetch.events import (
    AttemptFailed,
    CopyRefused,
    Event,
    EventBus,
    FileDamaged,
    Healed,
    HubPaused,
    HubResumed,
    NamesNotListed,
    ProductFailed,
    ProductOnline,
    ProductQuarantined,
    RetrievalRequested,
    TransferStarted,
)
from s2fetch.units import format_duration, format_size

REFRESH_SECONDS = 0.125
_MOST_NOTES = 500
"""Notes that wait for the terminal; beyond, the oldest are dropped: the log and report have all."""
_NAME_COLUMNS = 33
_UNTOLD = frozenset({"trace", "debug"})
_STYLES = {"warning": "yellow", "error": "red"}
_JOIN_SECONDS = 2.0
_SHOW_CURSOR = b"\x1b[?25h"


class LiveView:
    """A listener that shows a run on a terminal. It never holds up the engine.

    Drawing happens in a thread of its own, because a terminal can stand still for as long as its
    user likes (Ctrl-S) and downloads must not. A terminal that goes away ends the view only.

    Args:
        stream: The terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, highlight=False, soft_wrap=False)
        self._progress = Progress(time.monotonic)
        self._notes: deque[Text] = deque(maxlen=_MOST_NOTES)
        self._stop = threading.Event()

    def __call__(self, event: Event) -> None:
        """Take one event in."""
        self._progress(event)
        if event.level not in _UNTOLD and (told := _told(event)) is not None:
            style = _STYLES.get(event.level, "dim")
            self._notes.append(Text(f"{datetime.now(UTC):%H:%M:%S} {told}", style=style))

    def note(self, text: str) -> None:
        """Show a sentence above the view."""
        self._notes.append(Text(sentence(text), style="yellow"))

    @contextmanager
    def shown(self, bus: EventBus) -> Iterator[None]:
        """Show what the bus tells until the block ends; the view is gone then, the notes stay."""
        remove = bus.subscribe(self)
        drawing = threading.Thread(target=self._draw, name="live-view", daemon=True)
        drawing.start()
        try:
            with library_warnings(lambda _, logger, text: self.note(f"{logger}: {text}")):
                yield
        finally:
            remove()
            self._stop.set()
            drawing.join(_JOIN_SECONDS)

    def restore(self) -> None:
        """Make the cursor visible again, at once, unless the terminal stands still."""
        try:
            descriptor = self._console.file.fileno()
            _, writable, _ = select.select((), (descriptor,), (), 0)
            if writable:
                os.write(descriptor, _SHOW_CURSOR)
        except (OSError, ValueError):
            return

    def _draw(self) -> None:
        try:
            with Live(
                self,
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            ) as live:
                while not self._stop.wait(REFRESH_SECONDS):
                    self._print_notes()
                    live.refresh()
                self._print_notes()
        except (OSError, ValueError):
            return  # the terminal is gone; the run goes on without being watched

    def _print_notes(self) -> None:
        while self._notes:
            self._console.print(self._notes.popleft())

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """The lines, as wide as the terminal is now."""
        width = options.max_width
        if check := self._progress.check():
            yield _line(lines.check_line(check, width), "bold")
            return
        slots = self._progress.slots()
        for slot in slots:
            yield _line(lines.slot_line(slot, width), "" if slot.name else "dim")
        total = self._progress.total()
        if self._progress.running:
            yield _line(lines.total_line(total, width), "bold")
        else:
            yield _line("Looking at the archive", "dim")


def _line(text: str, style: str) -> Text:
    return Text(text, style=style, no_wrap=True, overflow="crop", end="\n")


def _told(event: Event) -> str | None:
    """What is worth a line of its own above the view: what is wrong, and how it is put right."""
    match event:
        case TransferStarted() if event.offset:
            name = short_name(event.product.name, _NAME_COLUMNS)
            return f"{name}: goes on at {format_size(event.offset)}"
        case RetrievalRequested():
            name = short_name(event.product.name, _NAME_COLUMNS)
            return f"{name}: offline, asked the hub for it ({printable(event.answer)})"
        case ProductOnline():
            return f"{short_name(event.product.name, _NAME_COLUMNS)}: online now"
        case AttemptFailed():
            name = short_name(event.product.name, _NAME_COLUMNS)
            again = f"again in {format_duration(event.retry_in)}"
            return f"{name}: attempt {event.attempt} failed: {printable(event.error)}; {again}"
        case ProductFailed():
            return sentence(f"{event.error}; {event.next_step}")
        case ProductQuarantined():
            return sentence(
                f"{event.product.name}: the hub delivered the same wrong bytes twice; "
                f"they are kept as {event.path}"
            )
        case HubPaused():
            who = f"{event.host}, account {event.account}" if event.account else event.host
            pause = format_duration(event.seconds)
            return sentence(f"{who}: {event.reason}; requests wait {pause}")
        case HubResumed():
            return sentence(f"{event.host} answers again")
        case Healed():
            return sentence(f"{event.subject}: {event.what}; put right")
        case CopyRefused():
            return sentence(f"{event.path} is there, but not taken: {event.reason}")
        case NamesNotListed():
            return None  # the summary names them
        case FileDamaged():
            return sentence(f"{event.path}: {event.reason}")
    return event.name if event.level in _STYLES else None
