"""What happens during a run, as typed values, and the way to those who want to know.

The engine emits; it knows no listener by name. The live view, the log and the report are listeners.
A listener is called at once, on the event loop, and must not block.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ClassVar

import msgspec

from s2fetch.product import Product, Proof


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


class RunStarted(Event, frozen=True, kw_only=True):
    """A run begins. ``slots`` is the number of concurrent downloads over all accounts."""

    name: ClassVar[str] = "run-started"
    folder: str
    hub: str
    slots: int


class CatalogueCounted(Event, frozen=True, kw_only=True):
    """The hub told how many products match; more may be counted later in the run."""

    name: ClassVar[str] = "catalogue-counted"
    level: ClassVar[str] = "debug"
    count: int


class ProductSuperseded(Event, frozen=True, kw_only=True):
    """A product matches and is left out, because the product named ``by`` is a better version."""

    name: ClassVar[str] = "product-superseded"
    level: ClassVar[str] = "debug"
    product: Product
    by: str


class NamesNotListed(Event, frozen=True, kw_only=True):
    """So many names and identifiers that were asked for are not listed; ``first`` has some."""

    name: ClassVar[str] = "names-not-listed"
    level: ClassVar[str] = "warning"
    count: int
    first: tuple[str, ...]


class AreaNoted(Event, frozen=True, kw_only=True):
    """The area of interest is not quite the footprint it was taken from; ``note`` says why."""

    name: ClassVar[str] = "area-noted"
    level: ClassVar[str] = "warning"
    note: str


class ProductsPresent(Event, frozen=True, kw_only=True):
    """So many more products are on disk, verified and untouched: nothing to do.

    ``consumed`` are so many besides, which were on disk and are left alone.
    """

    name: ClassVar[str] = "products-present"
    level: ClassVar[str] = "debug"
    count: int
    consumed: int = 0


class ProductPlanned(Event, frozen=True, kw_only=True):
    """There is something to do about a product.

    ``verdict`` is one of `sync.planner.Verdict`; ``was`` is the state of its record, see
    `archive.records.State`, or empty when there is none.
    """

    name: ClassVar[str] = "product-planned"
    level: ClassVar[str] = "debug"
    product: Product
    verdict: str
    reason: str
    was: str = ""


class TransferStarted(Event, frozen=True, kw_only=True):
    """A body begins to arrive. Bytes before ``offset`` are kept from an earlier attempt."""

    name: ClassVar[str] = "transfer-started"
    product: Product
    account: str
    slot: int
    attempt: int
    offset: int
    size: int | None


class TransferProgressed(Event, frozen=True, kw_only=True):
    """Bytes arrived: ``position`` counts from the start of the file, kept ones included."""

    name: ClassVar[str] = "transfer-progressed"
    level: ClassVar[str] = "trace"
    product: Product
    account: str
    slot: int
    position: int
    size: int | None


class TransferEnded(Event, frozen=True, kw_only=True):
    """The body has ended, well or not; its slot is free. ``received`` is this attempt's bytes."""

    name: ClassVar[str] = "transfer-ended"
    level: ClassVar[str] = "debug"
    product: Product
    account: str
    slot: int
    received: int


class AttemptFailed(Event, frozen=True, kw_only=True):
    """One attempt failed; the product is tried again in ``retry_in`` seconds."""

    name: ClassVar[str] = "attempt-failed"
    level: ClassVar[str] = "warning"
    product: Product
    account: str
    attempt: int
    code: str
    error: str
    retry_in: float


class ProductCompleted(Event, frozen=True, kw_only=True):
    """The product is on disk under its final name, verified and recorded."""

    name: ClassVar[str] = "product-completed"
    product: Product
    account: str
    path: str
    size: int
    proof: Proof
    received: int
    seconds: float


class ProductAdopted(Event, frozen=True, kw_only=True):
    """A file that was already there, but not recorded, proved to be the product."""

    name: ClassVar[str] = "product-adopted"
    product: Product
    path: str
    size: int
    proof: Proof


class ProductConsumed(Event, frozen=True, kw_only=True):
    """The file of a product that was verified is gone, and that is left so."""

    name: ClassVar[str] = "product-consumed"
    product: Product
    path: str


class CopyRefused(Event, frozen=True, kw_only=True):
    """A folder looks like the product unpacked but is not all of it; it is left as it is."""

    name: ClassVar[str] = "copy-refused"
    level: ClassVar[str] = "warning"
    product: Product
    path: str
    reason: str


class ProductFailed(Event, frozen=True, kw_only=True):
    """The product is given up for this run; ``next_step`` says what happens to it next."""

    name: ClassVar[str] = "product-failed"
    level: ClassVar[str] = "error"
    product: Product
    code: str
    error: str
    next_step: str


class ProductQuarantined(Event, frozen=True, kw_only=True):
    """The hub delivered the same wrong bytes twice; they are kept aside at ``path``."""

    name: ClassVar[str] = "product-quarantined"
    level: ClassVar[str] = "error"
    product: Product
    path: str
    expected: str
    computed: str


class RetrievalRequested(Event, frozen=True, kw_only=True):
    """The hub was asked to bring an offline product back. ``answer`` is what it said."""

    name: ClassVar[str] = "retrieval-requested"
    product: Product
    answer: str


class ProductWaiting(Event, frozen=True, kw_only=True):
    """An offline product waits for its retrieval; ``since`` is an ISO 8601 time."""

    name: ClassVar[str] = "product-waiting"
    level: ClassVar[str] = "debug"
    product: Product
    since: str


class ProductOnline(Event, frozen=True, kw_only=True):
    """A product that was waited for is online and goes back to the queue."""

    name: ClassVar[str] = "product-online"
    product: Product


class HubPaused(Event, frozen=True, kw_only=True):
    """Requests to a host wait; ``account`` is set when only that account has to.

    ``down`` tells a host that cannot be reached, or sends everybody away again and again, from one
    that asks for a moment.
    """

    name: ClassVar[str] = "hub-paused"
    level: ClassVar[str] = "warning"
    host: str
    account: str
    seconds: float
    reason: str
    down: bool = False


class HubResumed(Event, frozen=True, kw_only=True):
    """The host answers again."""

    name: ClassVar[str] = "hub-resumed"
    host: str


class QuotaUsedUp(Event, frozen=True, kw_only=True):
    """An account waits: its quota leaves nothing for now. Sizes in bytes, ``until`` is ISO 8601."""

    name: ClassVar[str] = "quota-used-up"
    level: ClassVar[str] = "warning"
    account: str
    received: int
    quota: int
    until: str


class QuotaFreed(Event, frozen=True, kw_only=True):
    """The account may receive again."""

    name: ClassVar[str] = "quota-freed"
    account: str


class QuotaNotKept(Event, frozen=True, kw_only=True):
    """What an account received could not be written down; it is kept in memory and tried again."""

    name: ClassVar[str] = "quota-not-kept"
    level: ClassVar[str] = "warning"
    account: str
    error: str


class AccountThrottled(Event, frozen=True, kw_only=True):
    """The hub has slowed the account down, as it does above its quota. ``rate`` in bytes/s."""

    name: ClassVar[str] = "account-throttled"
    level: ClassVar[str] = "warning"
    account: str
    rate: float
    received: int
    quota: int


class AccountUnthrottled(Event, frozen=True, kw_only=True):
    """The hub serves the account at full speed again."""

    name: ClassVar[str] = "account-unthrottled"
    account: str
    rate: float


class TokenObtained(Event, frozen=True, kw_only=True):
    """An access token was issued, by login or by renewal. Never carries the token."""

    name: ClassVar[str] = "token-obtained"
    level: ClassVar[str] = "debug"
    account: str
    renewed: bool
    seconds: float


class Healed(Event, frozen=True, kw_only=True):
    """Something on disk did not agree with its record and was put right."""

    name: ClassVar[str] = "healed"
    level: ClassVar[str] = "warning"
    subject: str
    what: str


class SpaceLow(Event, frozen=True, kw_only=True):
    """The disk is down to its floor: nothing is begun until there is space again. In bytes.

    ``needed`` has to fit beside the floor before it goes on.
    """

    name: ClassVar[str] = "space-low"
    level: ClassVar[str] = "warning"
    folder: str
    free: int
    floor: int
    needed: int


class SpaceBack(Event, frozen=True, kw_only=True):
    """There is space again, and the queue goes on."""

    name: ClassVar[str] = "space-back"
    folder: str
    free: int
    floor: int


class VerificationProgressed(Event, frozen=True, kw_only=True):
    """Files are being hashed again: so many of so many are done, and so many bytes."""

    name: ClassVar[str] = "verification-progressed"
    level: ClassVar[str] = "trace"
    done: int
    total: int
    done_bytes: int
    total_bytes: int


class ScrubStarted(Event, frozen=True, kw_only=True):
    """Some of the files are hashed again, those first whose proof is oldest. Sizes in bytes."""

    name: ClassVar[str] = "scrub-started"
    level: ClassVar[str] = "debug"
    folder: str
    files: int
    size: int


class ScrubFinished(Event, frozen=True, kw_only=True):
    """Hashing again is over for now. ``verified_share`` is that of the bytes with a young proof."""

    name: ClassVar[str] = "scrub-finished"
    folder: str
    checked: int
    damaged: int
    size: int
    verified_share: float
    seconds: float


class FileDamaged(Event, frozen=True, kw_only=True):
    """A recorded file is not what was verified: missing, another size, another digest."""

    name: ClassVar[str] = "file-damaged"
    level: ClassVar[str] = "error"
    product_name: str
    path: str
    reason: str


class ProductWithdrawn(Event, frozen=True, kw_only=True):
    """The hub has taken a product of the archive away; ``action`` is what became of the file."""

    name: ClassVar[str] = "product-withdrawn"
    level: ClassVar[str] = "warning"
    product_name: str
    product_id: str
    deleted: str
    cause: str
    action: str


class TrashingRefused(Event, frozen=True, kw_only=True):
    """More products were withdrawn than may go to the trash in a day; these ``count`` stay.

    ``moved`` have gone there within a day already, and ``most`` may.
    """

    name: ClassVar[str] = "trashing-refused"
    level: ClassVar[str] = "error"
    count: int
    moved: int
    most: int


class DeletionsUnread(Event, frozen=True, kw_only=True):
    """What the hub has withdrawn could not be asked; nothing is marked, the next run asks again."""

    name: ClassVar[str] = "deletions-unread"
    level: ClassVar[str] = "warning"
    error: str


class IncrementPlanned(Event, frozen=True, kw_only=True):
    """What is asked of the catalogue: changes ``since`` a time, or everything when empty."""

    name: ClassVar[str] = "increment-planned"
    since: str
    unsettled: int
    reason: str


class IntakeChanged(Event, frozen=True, kw_only=True):
    """Notifications of an archive come, or do not and why; its schedule goes on either way."""

    name: ClassVar[str] = "intake-changed"
    works: bool
    why: str


class GapFound(Event, frozen=True, kw_only=True):
    """A full count found a product that the increments before it should have brought."""

    name: ClassVar[str] = "gap-found"
    level: ClassVar[str] = "warning"
    product: Product
    reason: str


class RunFinished(Event, frozen=True, kw_only=True):
    """The run is over; the report has the same numbers and the failures."""

    name: ClassVar[str] = "run-finished"
    exit_code: int
    found: int
    already: int
    fetched: int
    adopted: int
    consumed: int = 0
    waiting: int
    failed: int
    received: int
    seconds: float


class DaemonAsked(Event, frozen=True, kw_only=True):
    """Somebody had a daemon do something: ``what`` to ``archive`` (empty for all), by which way."""

    name: ClassVar[str] = "daemon-asked"
    what: str
    via: str


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
