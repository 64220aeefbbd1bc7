"""A run as a whole, and what it plans."""

from __future__ import annotations

from typing import ClassVar

from s2fetch.events.base import Event
from s2fetch.product import Product


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


class IncrementPlanned(Event, frozen=True, kw_only=True):
    """What is asked of the catalogue: changes ``since`` a time, or everything when empty."""

    name: ClassVar[str] = "increment-planned"
    since: str
    unsettled: int
    reason: str


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
