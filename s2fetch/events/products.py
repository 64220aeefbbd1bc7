"""What becomes of a product."""

from __future__ import annotations

from typing import ClassVar

from s2fetch.events.base import Event
from s2fetch.product import Product, Proof


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
