"""Ctrl-C and its relatives: the first ends a run in good order, the second at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from s2fetch.errors import ExitCode

_EXIT_CODES = {
    signal.SIGINT: ExitCode.INTERRUPTED,
    signal.SIGTERM: ExitCode.TERMINATED,
    signal.SIGHUP: ExitCode.TERMINATED,
}


class Interruption:
    """Receives SIGINT, SIGTERM and SIGHUP from the moment it is entered.

    SIGHUP, the terminal's end, counts as SIGTERM; under nohup it stays ignored.

    Args:
        at_once: Called before the process ends without ceremony.

    Attributes:
        exit_code: What the first signal asks for, or None when there was none.
    """

    def __init__(self, at_once: Callable[[], None]) -> None:
        self.exit_code: ExitCode | None = None
        self._at_once = at_once
        self._stop: Callable[[], object] | None = None

    @contextmanager
    def received(self) -> Iterator[None]:
        """Receive the signals inside the block."""
        before = {}
        for number in _EXIT_CODES:
            held = signal.getsignal(number)
            if number == signal.SIGHUP and held is signal.SIG_IGN:
                continue
            before[number] = held
            signal.signal(number, self._receive)
        try:
            yield
        finally:
            for number, held in before.items():
                signal.signal(number, held)

    @contextmanager
    def stopping(self, stop: Callable[[], object]) -> Iterator[None]:
        """Have the first signal call this; at once, if it has come already.

        Args:
            stop: Called inside a signal handler, so it must only schedule what is to be done.
        """
        self._stop = stop
        if self.exit_code is not None:
            stop()
        try:
            yield
        finally:
            self._stop = None

    def _receive(self, number: int, _: FrameType | None) -> None:
        code = _EXIT_CODES[signal.Signals(number)]
        if self.exit_code is not None:
            self._at_once()
            os._exit(code)
        self.exit_code = code
        if self._stop is not None:
            self._stop()
