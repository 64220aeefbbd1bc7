"""The numbers of one archive, from its record at first and from the events from then on."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from s2fetch.archive.records import State
from s2fetch.clock import Clock, timestamp
from s2fetch.daemon.memory import Kept, moment
from s2fetch.events import (
    Event,
    FileDamaged,
    ProductAdopted,
    ProductCompleted,
    ProductFailed,
    ProductOnline,
    ProductPlanned,
    ProductQuarantined,
    ProductWaiting,
    ProductWithdrawn,
    ScrubFinished,
    ScrubStarted,
    SpaceBack,
    SpaceLow,
)
from s2fetch.sync.planner import Verdict
from s2fetch.sync.status import Status
from s2fetch.sync.verify import DAMAGED
from s2fetch.units import format_size

_TO_DO = frozenset({Verdict.FETCH, Verdict.OFFLINE, Verdict.VERIFY})


class ArchiveTally:
    """Adds up what happens in an archive.

    Args:
        clock: Where the time comes from.

    Attributes:
        products: Number of products by state.
        size_bytes: Of the complete ones.
        queued: Products of the present run that are not settled.
        newest: When the newest product that is here was published.
        lag_seconds: How long after its publication that product was here.
        last_arrival: When the last product was completed, or None.
        out_of_space: Why nothing can be written, or empty.
        scrubbing: Whether files are being hashed again.
        verified_share: Share of bytes whose proof is young enough, 0 to 1.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self.size_bytes = 0
        self.queued = 0
        self.newest: datetime | None = None
        self.lag_seconds: float | None = None
        self.last_arrival: datetime | None = None
        self.out_of_space = ""
        self.scrubbing = False
        self.verified_share = 1.0
        self._damaged: set[str] = set()
        self._waiting: dict[str, str] = {}
        self._waited_before = ""
        self._oldest: str | None = None

    @property
    def oldest_waiting(self) -> str:
        """Since when the product waits that has waited longest, or empty."""
        if self._oldest is None:
            known = (*self._waiting.values(), self._waited_before)
            self._oldest = min(filter(None, known), default="")
        return self._oldest

    @property
    def damaged(self) -> int:
        """Products found damaged that are not here again yet."""
        return len(self._damaged)

    @property
    def products(self) -> dict[str, int]:
        """Number of products by state."""
        return dict(self._counts)

    def start_from(self, status: Status) -> None:
        """Take the archive's own record for the truth; between runs it is."""
        self._counts = Counter(
            complete=status.complete,
            waiting=status.waiting_count,
            failed=status.failed_count,
            quarantined=status.quarantined_count,
            withdrawn=status.withdrawn_count,
            consumed=status.consumed_count,
        )
        self.size_bytes = status.complete_bytes
        self.queued = 0
        self._waiting = {}
        self._waited_before, self._oldest = status.oldest_waiting, None
        self._damaged.update(each.name for each in status.failed if each.code == DAMAGED)

    def recall(self, kept: Kept) -> None:
        """Take what the daemon before this one has seen."""
        self.newest, self.lag_seconds = moment(kept.newest), kept.lag_seconds
        self.last_arrival = moment(kept.last_arrival)

    def kept(self, last_success: str) -> Kept:
        """What the daemon after this one is to know."""
        return Kept(
            last_success=last_success,
            last_arrival=timestamp(self.last_arrival),
            newest=timestamp(self.newest),
            lag_seconds=self.lag_seconds,
        )

    def begin(self) -> None:
        """A run begins."""
        self.queued = 0
        self.out_of_space = ""

    def take(self, event: Event) -> None:
        """Take in an event of the archive; quick, as every listener has to be."""
        match event:
            case ProductPlanned() if event.verdict in _TO_DO:
                self._begun_again(event)
            case ProductCompleted():
                self._settled("complete")
                self.size_bytes += event.size
                self.last_arrival = self._clock.now()
                self._damaged.discard(event.product.name)
                self._here(event.product.published)
            case ProductAdopted():
                self._settled("complete")
                self.size_bytes += event.size
                self._damaged.discard(event.product.name)
            case ProductFailed():
                self._settled("failed")
            case ProductQuarantined():
                self._settled("quarantined")
            case ProductWaiting():
                self._settled("waiting")
                self._waiting[event.product.id] = event.since
                self._oldest = None
                if event.since == self._waited_before:
                    self._waited_before = ""
            case ProductOnline():
                self._counts["waiting"] -= 1
                self.queued += 1
                self._waiting.pop(event.product.id, None)
                self._oldest = None
            case ProductWithdrawn():
                self._counts["withdrawn"] += 1
                self._damaged.discard(event.product_name)
            case FileDamaged():
                self._damaged.add(event.product_name)
            case ScrubStarted():
                self.scrubbing = True
            case ScrubFinished():
                self.scrubbing = False
                self.verified_share = event.verified_share
            case SpaceLow():
                free, floor = format_size(event.free), format_size(event.floor)
                self.out_of_space = f"{free} free, and {floor} is to be left"
            case SpaceBack():
                self.out_of_space = ""

    def _begun_again(self, event: ProductPlanned) -> None:
        """It is in the queue now and no longer what its record says."""
        self.queued += 1
        if event.was:
            self._counts[event.was] = max(0, self._counts[event.was] - 1)
        if event.was == State.WAITING and event.verdict != Verdict.OFFLINE:
            # It may be the one that has waited longest; those that wait still are told of.
            self._waited_before, self._oldest = "", None
        if event.was == State.COMPLETE:
            self.size_bytes = max(0, self.size_bytes - (event.product.size or 0))

    def _settled(self, state: str) -> None:
        self._counts[state] += 1
        self.queued = max(0, self.queued - 1)

    def _here(self, published: datetime | None) -> None:
        if published is not None and (self.newest is None or published >= self.newest):
            self.newest = published
            self.lag_seconds = max(0.0, (self._clock.now() - published).total_seconds())
