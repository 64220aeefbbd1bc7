"""What a run has come to so far, added up from its events for those who look at it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec

from s2fetch.cli.pace import Pace, expected_bytes, seconds_left
from s2fetch.events import (
    CatalogueCounted,
    Event,
    ProductAdopted,
    ProductCompleted,
    ProductConsumed,
    ProductFailed,
    ProductOnline,
    ProductPlanned,
    ProductQuarantined,
    ProductsPresent,
    ProductSuperseded,
    ProductWaiting,
    RunStarted,
    TransferEnded,
    TransferProgressed,
    TransferStarted,
    VerificationProgressed,
)
from s2fetch.product import Product

_ALREADY = frozenset({"have", "record"})

SlotKey = tuple[str, int]
"""Account and number of the slot."""


class SlotShown(msgspec.Struct, frozen=True):
    """One slot at one moment; ``name`` is empty when nothing is being downloaded."""

    label: str
    name: str = ""
    position: int = 0
    size: int | None = None
    rate: float | None = None
    left: float | None = None


class TotalShown(msgspec.Struct, frozen=True):
    """The whole run at one moment. Bytes are those to be fetched; ``products`` includes all."""

    done: int
    products: int
    done_bytes: int
    total_bytes: int
    rate: float | None
    left: float | None
    waiting: int
    failed: int


class CheckShown(msgspec.Struct, frozen=True):
    """A verification at one moment."""

    done: int
    total: int
    done_bytes: int
    total_bytes: int
    rate: float | None
    left: float | None


class _Transfer:
    """A body that is arriving."""

    __slots__ = ("name", "pace", "position", "size")

    def __init__(self, event: TransferStarted) -> None:
        self.name = event.product.name
        self.size = event.size
        self.position = event.offset
        self.pace = Pace()


class Progress:
    """A listener that keeps the sums. Fed on the event loop, read from any thread.

    Args:
        monotonic: Seconds that never go back.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._slots: dict[SlotKey, _Transfer | None] = {}
        self._kept: dict[str, int] = {}
        self._waiting: set[str] = set()
        self._planned = self._counted = self._superseded = self._done = self._failed = 0
        self._to_fetch_bytes = self._stored_bytes = self._received = 0
        self._pace = Pace()
        self._check: VerificationProgressed | None = None
        self.running = False

    def __call__(self, event: Event) -> None:
        """Take one event in."""
        with self._lock:
            self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case TransferProgressed():
                self._advance(event)
            case ProductPlanned():
                self._plan(event)
            case ProductsPresent():
                self._planned += event.count + event.consumed
                self._done += event.count + event.consumed
            case RunStarted():
                self.running = True
            case CatalogueCounted():
                self._counted = event.count
            case ProductSuperseded():
                self._superseded += 1
            case TransferStarted():
                self._slots[event.account, event.slot] = _Transfer(event)
                self._kept.pop(event.product.id, None)
            case TransferEnded():
                self._end(event)
            case ProductCompleted() | ProductAdopted():
                self._done += 1
                self._stored_bytes += event.size
                self._settle(event.product)
            case ProductConsumed():
                self._done += 1
            case ProductFailed() | ProductQuarantined():
                self._failed += 1
                self._to_fetch_bytes -= event.product.size or 0
                self._settle(event.product)
            case ProductWaiting():
                self._waiting.add(event.product.id)
            case ProductOnline():
                self._waiting.discard(event.product.id)
            case VerificationProgressed():
                self._check = event

    def _plan(self, event: ProductPlanned) -> None:
        self._planned += 1
        if event.verdict in _ALREADY:
            self._done += 1
        elif event.verdict == "quarantined":
            self._failed += 1
        elif event.verdict == "consumed":
            return
        else:
            self._to_fetch_bytes += event.product.size or 0

    def _advance(self, event: TransferProgressed) -> None:
        transfer = self._slots.get((event.account, event.slot))
        if transfer is not None:
            self._received += max(0, event.position - transfer.position)
            transfer.position = event.position

    def _end(self, event: TransferEnded) -> None:
        """The body has ended; its bytes count on, until the product is settled or begins anew."""
        transfer = self._slots.get((event.account, event.slot))
        if transfer is not None:
            self._kept[event.product.id] = transfer.position
        self._slots[event.account, event.slot] = None

    def _settle(self, product: Product) -> None:
        self._kept.pop(product.id, None)
        self._waiting.discard(product.id)

    def slots(self) -> list[SlotShown]:
        """Every slot that was used so far, in order; takes the samples the rates come from."""
        with self._lock:
            now = self._monotonic()
            several = len({account for account, _ in self._slots}) > 1
            return [
                _slot(f"{account}:{slot}" if several else str(slot), transfer, now)
                for (account, slot), transfer in sorted(self._slots.items())
            ]

    def total(self) -> TotalShown:
        """The sums; takes the sample the rate comes from."""
        with self._lock:
            self._pace.note(self._monotonic(), self._received)
            under_way = sum(t.position for t in self._slots.values() if t is not None)
            done_bytes = self._stored_bytes + under_way + sum(self._kept.values())
            wanted = max(self._counted - self._superseded, self._planned)
            whole = expected_bytes(self._to_fetch_bytes, self._planned, wanted)
            rate = self._pace.rate
            return TotalShown(
                done=self._done,
                products=wanted,
                done_bytes=done_bytes,
                total_bytes=max(whole, done_bytes),
                rate=rate,
                left=seconds_left(whole - done_bytes, rate) if self._planned else None,
                waiting=len(self._waiting),
                failed=self._failed,
            )

    def check(self) -> CheckShown | None:
        """The verification that is under way, if any; takes the sample the rate comes from."""
        with self._lock:
            check = self._check
            if check is None:
                return None
            self._pace.note(self._monotonic(), check.done_bytes)
            rate = self._pace.rate
            return CheckShown(
                check.done,
                check.total,
                check.done_bytes,
                check.total_bytes,
                rate,
                seconds_left(check.total_bytes - check.done_bytes, rate),
            )


def _slot(label: str, transfer: _Transfer | None, now: float) -> SlotShown:
    if transfer is None:
        return SlotShown(label)
    transfer.pace.note(now, transfer.position)
    rate = transfer.pace.rate
    rest = None if transfer.size is None else transfer.size - transfer.position
    return SlotShown(
        label, transfer.name, transfer.position, transfer.size, rate, seconds_left(rest, rate)
    )
