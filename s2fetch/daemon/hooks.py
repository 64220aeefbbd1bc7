"""Commands an operator wants run for an archive: what they are told, and that they do no harm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from s2fetch.clock import Clock
from s2fetch.daemon.commands import CommandError, run_command
from s2fetch.daemon.events import HookFailed, HookFinished
from s2fetch.daemon.state import RunState
from s2fetch.events import EventBus

AFTER_RUN = "after-run"


class AfterRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a hook reads on its standard input, as JSON."""

    hook: str
    archive: str
    folder: str
    run: RunState


class Hooks:
    """Runs hooks; a hook that fails is an event and nothing else.

    Args:
        environ: What their environment is made of.
        clock: Where the time comes from.
        events: Told how they end.
    """

    def __init__(self, *, environ: Mapping[str, str], clock: Clock, events: EventBus) -> None:
        self._environ = environ
        self._clock = clock
        self._events = events

    async def after_run(self, arguments: Sequence[str], told: AfterRun, *, seconds: float) -> bool:
        """Run the hook of a run that is over; returns whether it ended well.

        Args:
            arguments: Program and arguments; no shell looks at them.
            told: JSON on its standard input, and in short as ``S2FETCH_ARCHIVE``,
                ``S2FETCH_FOLDER``, ``S2FETCH_OUTCOME``, ``S2FETCH_FETCHED``, ``S2FETCH_FAILED``.
            seconds: How long it may take; then it is ended with its children.
        """
        started = self._clock.monotonic()
        try:
            await run_command(
                arguments,
                stdin=msgspec.json.encode(told) + b"\n",
                variables={
                    "S2FETCH_HOOK": told.hook,
                    "S2FETCH_ARCHIVE": told.archive,
                    "S2FETCH_FOLDER": told.folder,
                    "S2FETCH_OUTCOME": told.run.outcome,
                    "S2FETCH_FETCHED": str(told.run.fetched),
                    "S2FETCH_FAILED": str(told.run.failed),
                },
                environ=self._environ,
                seconds=seconds,
            )
        except CommandError as error:
            self._events.emit(HookFailed(archive=told.archive, hook=told.hook, error=str(error)))
            return False
        took = self._clock.monotonic() - started
        self._events.emit(HookFinished(archive=told.archive, hook=told.hook, seconds=took))
        return True
