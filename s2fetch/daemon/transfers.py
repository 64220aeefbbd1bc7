"""What every slot does now, and how many bytes came when: kept up to date from the events."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime

import msgspec

from s2fetch.clock import Clock, timestamp
from s2fetch.daemon.state import SlotState, Throughput
from s2fetch.events import (
    Event,
    ProductCompleted,
    TransferEnded,
    TransferProgressed,
    TransferStarted,
)

RATE_SECONDS = 5.0
"""A slot's rate is that of these last seconds."""
STEP_SECONDS = 300
"""Length of one period of the history."""
STEPS = 288
"""Periods that are kept: a day."""
FEWEST_STEPS = 36
"""Periods that are told, three hours: a history of one period is none."""


class _Transfer(msgspec.Struct):
    archive: str
    product: str
    product_id: str
    since: str
    offset: int
    position: int
    size: int | None
    samples: deque[tuple[float, int]] = msgspec.field(default_factory=deque)

    def at(self, now: float, position: int) -> None:
        self.position = position
        self.samples.append((now, position))
        while len(self.samples) > 1 and self.samples[0][0] < now - RATE_SECONDS:
            self.samples.popleft()

    def rate(self, now: float) -> float:
        if not self.samples:
            return 0.0
        begun, first = self.samples[0]
        return (self.position - first) / max(now - begun, 1.0)


class Transfers:
    """Listens to all archives of a daemon.

    Args:
        clock: Where the time comes from.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running: dict[tuple[str, int], _Transfer] = {}
        self._steps: deque[list[int]] = deque(maxlen=STEPS)

    def take(self, archive: str, event: Event) -> None:
        """Take in an event of one archive; quick, as every listener has to be."""
        match event:
            case TransferProgressed():
                self._progressed(event)
            case TransferStarted():
                transfer = _Transfer(
                    archive,
                    event.product.name,
                    event.product.id,
                    timestamp(self._clock.now()),
                    event.offset,
                    event.offset,
                    event.size,
                )
                transfer.at(self._clock.monotonic(), event.offset)
                self._running[event.account, event.slot] = transfer
            case TransferEnded():
                ended = self._running.pop((event.account, event.slot), None)
                if ended is not None:
                    # The last bytes came after the last progress was told.
                    self._add(event.received - (ended.position - ended.offset))
            case ProductCompleted():
                self._step()[2] += 1

    def slots(self, counts: dict[str, int]) -> tuple[SlotState, ...]:
        """Every slot of these accounts, whose numbers of slots are given, the free ones too."""
        now = self._clock.monotonic()
        states = []
        for account, count in counts.items():
            for number in range(1, count + 1):
                transfer = self._running.get((account, number))
                if transfer is None:
                    states.append(SlotState(account=account, slot=number))
                    continue
                states.append(
                    SlotState(
                        account=account,
                        slot=number,
                        archive=transfer.archive,
                        product=transfer.product,
                        product_id=transfer.product_id,
                        position=transfer.position,
                        size=transfer.size,
                        rate=transfer.rate(now),
                        since=transfer.since,
                    )
                )
        return tuple(states)

    def under_way(self, archive: str) -> dict[str, str]:
        """Names of the products that are being fetched for an archive, by identifier."""
        running = (each for each in self._running.values() if each.archive == archive)
        return {each.product_id: each.product for each in running}

    def history(self) -> list[Throughput]:
        """The last day in periods of `STEP_SECONDS`, oldest first, empty periods included.

        The last one is as long as it has lasted, a second at least.
        """
        if not self._steps:
            return []
        held = {start: (received, completed) for start, received, completed in self._steps}
        last = self._start()
        begun = min(self._steps[0][0], last - (FEWEST_STEPS - 1) * STEP_SECONDS)
        first = max(begun, last - (STEPS - 1) * STEP_SECONDS)
        periods = []
        lasted = max(1.0, self._clock.now().timestamp() - last)
        for start in range(first, last + 1, STEP_SECONDS):
            received, completed = held.get(start, (0, 0))
            periods.append(
                Throughput(
                    start=timestamp(datetime.fromtimestamp(start, UTC)),
                    seconds=STEP_SECONDS if start < last else lasted,
                    received=received,
                    completed=completed,
                )
            )
        return periods

    def _progressed(self, event: TransferProgressed) -> None:
        transfer = self._running.get((event.account, event.slot))
        if transfer is None:
            return
        self._add(event.position - transfer.position)
        transfer.at(self._clock.monotonic(), event.position)

    def _add(self, received: int) -> None:
        if received > 0:
            self._step()[1] += received

    def _step(self) -> list[int]:
        start = self._start()
        if not self._steps or self._steps[-1][0] != start:
            self._steps.append([start, 0, 0])
        return self._steps[-1]

    def _start(self) -> int:
        now = int(self._clock.now().timestamp())
        return now - now % STEP_SECONDS
