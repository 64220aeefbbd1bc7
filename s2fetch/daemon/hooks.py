"""Commands an operator wants run for an archive: what they are told, and that they do no harm."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from pathlib import Path

import msgspec
from anyio.abc import TaskGroup

from s2fetch.clock import Clock
from s2fetch.daemon.commands import CommandError, run_command
from s2fetch.daemon.events import HookFailed, HookFinished
from s2fetch.daemon.state import RunState
from s2fetch.daemon.values import ArchiveEntry, HookConfig
from s2fetch.events import EventBus, ProductCompleted
from s2fetch.product import Proof

AFTER_RUN = "after-run"
AFTER_PRODUCT = "after-product"
MOST_WAITING = 10_000
"""Hooks of one archive that wait for their turn; more are given up, and the log says so."""


class AfterRun(msgspec.Struct, frozen=True, kw_only=True):
    """What the hook of a run reads on its standard input, as JSON."""

    hook: str = AFTER_RUN
    archive: str
    folder: str
    run: RunState

    @property
    def product(self) -> str:
        """The product it is about: none."""
        return ""

    @property
    def variables(self) -> dict[str, str]:
        """The same in short, for its environment."""
        return {
            "S2FETCH_OUTCOME": self.run.outcome,
            "S2FETCH_FETCHED": str(self.run.fetched),
            "S2FETCH_FAILED": str(self.run.failed),
        }


class AfterProduct(msgspec.Struct, frozen=True, kw_only=True):
    """What the hook of a product reads on its standard input, as JSON.

    Attributes:
        path: Of the product's file, absolute.
        size: Its bytes.
        proof: What shows that it is whole.
        id: As the hub knows the product.
        product: Its name.
    """

    hook: str = AFTER_PRODUCT
    archive: str
    folder: str
    id: str
    product: str
    path: str
    size: int
    proof: Proof

    @property
    def variables(self) -> dict[str, str]:
        """The same in short, for its environment."""
        return {"S2FETCH_PRODUCT": self.product, "S2FETCH_PATH": self.path}


Told = AfterRun | AfterProduct


class Hooks:
    """Runs hooks; one that fails is an event and nothing else.

    Those of one archive are run one after the other in the order of what they tell of, so that none
    meets itself, and the hook of a run comes after those of its products. They are told once at the
    most: what waits for its turn when the daemon ends is not told any more.

    Args:
        group: Where they run.
        environ: What their environment is made of.
        clock: Where the time comes from.
        events: Told how they end.
    """

    def __init__(
        self, group: TaskGroup, *, environ: Mapping[str, str], clock: Clock, events: EventBus
    ) -> None:
        self._group = group
        self._environ = environ
        self._clock = clock
        self._events = events
        self._lines: dict[str, deque[tuple[HookConfig, Told]]] = {}

    def after_run(self, archive: ArchiveEntry, run: RunState) -> None:
        """Have the hook of a run that is over run, if the archive has one; never waits."""
        if archive.after_run.arguments:
            told = AfterRun(archive=archive.name, folder=str(_folder(archive)), run=run)
            self._put(archive.after_run, told)

    def after_product(self, archive: ArchiveEntry, event: ProductCompleted) -> None:
        """Have the hook of a product that has arrived run, if there is one; never waits."""
        if archive.after_product.arguments:
            folder = _folder(archive)
            told = AfterProduct(
                archive=archive.name,
                folder=str(folder),
                id=event.product.id,
                product=event.product.name,
                path=str(folder / event.path),
                size=event.size,
                proof=event.proof,
            )
            self._put(archive.after_product, told)

    def _put(self, hook: HookConfig, told: Told) -> None:
        line = self._lines.get(told.archive)
        if line is None:
            self._lines[told.archive] = deque([(hook, told)])
            self._group.start_soon(self._work, told.archive)
        elif len(line) < MOST_WAITING:
            line.append((hook, told))
        else:
            self._failed(told, f"it was not run, because {MOST_WAITING:,} others wait already")

    async def _work(self, archive: str) -> None:
        line = self._lines[archive]
        while line:
            await self._run(*line.popleft())
        del self._lines[archive]

    async def _run(self, hook: HookConfig, told: Told) -> None:
        started = self._clock.monotonic()
        common = {
            "S2FETCH_HOOK": told.hook,
            "S2FETCH_ARCHIVE": told.archive,
            "S2FETCH_FOLDER": told.folder,
        }
        try:
            await run_command(
                hook.arguments,
                stdin=msgspec.json.encode(told) + b"\n",
                variables=common | told.variables,
                environ=self._environ,
                seconds=hook.limit_seconds,
            )
        except CommandError as error:
            self._failed(told, str(error))
        else:
            self._events.emit(
                HookFinished(
                    archive=told.archive,
                    hook=told.hook,
                    product=told.product,
                    seconds=self._clock.monotonic() - started,
                )
            )

    def _failed(self, told: Told, error: str) -> None:
        self._events.emit(
            HookFailed(archive=told.archive, hook=told.hook, product=told.product, error=error)
        )


def _folder(archive: ArchiveEntry) -> Path:
    assert archive.config.into is not None  # noqa: S101 - a plan without one is refused
    return archive.config.into.absolute()
