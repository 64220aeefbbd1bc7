"""Faults a test or a demonstration switches on.

A `Fault` says on which requests (kind, product), from which one on, how often, and with which
`Effect`. Effects on one request add up. Example: the third page of a search fails once, and every
body of one product is cut after 1000 bytes::

    plan = FaultPlan(
        Fault(Answer(500), on=Kind.SEARCH, skip=2),
        Fault(Cut(1000), product=name, times=None),
    )
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from s2fetch.embedded.entry import Entry


class Kind(StrEnum):
    """What a request asks for."""

    TOKEN = "token"  # noqa: S105 - a name, not a secret
    LOGOUT = "logout"
    SEARCH = "search"
    DELETED = "deleted"
    LOOKUP = "lookup"
    NAMES = "names"
    ATTRIBUTES = "attributes"
    SUBSCRIPTIONS = "subscriptions"
    QUICKLOOK = "quicklook"
    REDIRECT = "redirect"
    BODY = "body"
    NODES = "nodes"
    NODE_BODY = "node-body"
    FEED = "feed"
    PROPERTY = "property"
    ORDER = "order"
    STUB = "stub"


class Answer(msgspec.Struct, frozen=True, tag=True):
    """Answer this instead. The module `answers` has the documented ones."""

    status: int
    body: str = ""
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}


class Redirect(msgspec.Struct, frozen=True, tag=True):
    """Send the client elsewhere."""

    location: str
    status: int = 302


class Delay(msgspec.Struct, frozen=True, tag=True):
    """Answer later."""

    seconds: float


class Reset(msgspec.Struct, frozen=True, tag=True):
    """Reset the connection (TCP RST) after so many bytes of this body; below 0: before its head."""

    after: int = 0


class Cut(msgspec.Struct, frozen=True, tag=True):
    """End the body after so many bytes.

    With a Content-Length the connection is closed too early, which a client can notice. With
    ``chunked`` there is no length and the end looks like a proper one.
    """

    after: int = 0
    chunked: bool = False


class Stall(msgspec.Struct, frozen=True, tag=True):
    """Send nothing for a while after so many bytes of this body, then go on."""

    after: int = 0
    seconds: float = 3600


class FlippedByte(msgspec.Struct, frozen=True, tag=True):
    """One byte of the product, counted from its start, arrives inverted."""

    at: int = 0


class WrongBytes(msgspec.Struct, frozen=True, tag=True):
    """The length is right, every byte is wrong, and wrong the same way each time."""


class Changed(msgspec.Struct, frozen=True, tag=True):
    """The product is another one than before: other bytes, other validators, same length."""

    etag: str = "changed"


class ExtraBytes(msgspec.Struct, frozen=True, tag=True):
    """More bytes follow, and Content-Length says so."""

    count: int = 1


class Chunked(msgspec.Struct, frozen=True, tag=True):
    """Leave Content-Length out."""


class WrongLength(msgspec.Struct, frozen=True, tag=True):
    """Content-Length is off by so much; the connection closes after the body."""

    by: int


class WrongRange(msgspec.Struct, frozen=True, tag=True):
    """A partial answer claims another start or total than it has, or no total at all."""

    start_by: int = 0
    total_by: int = 0
    untold: bool = False

    def header(self, first: int, stop: int, total: int) -> str:
        """Its ``Content-Range``, for a part from a position up to another, of so many bytes."""
        told = "*" if self.untold else total + self.total_by
        return f"bytes {first + self.start_by}-{stop - 1 + self.start_by}/{told}"


class Slow(msgspec.Struct, frozen=True, tag=True):
    """This body arrives at another rate."""

    bytes_per_second: float


class Listed(msgspec.Struct, frozen=True, tag=True):
    """The product's row in catalogue answers differs: these members are replaced."""

    changes: Mapping[str, Any]


class MissingRows(msgspec.Struct, frozen=True, tag=True):
    """So many rows are missing from the end of a page."""

    count: int = 1


class BrokenJson(msgspec.Struct, frozen=True, tag=True):
    """Only the first so many bytes of a catalogue answer are sent, as if they were all."""

    keep: int = 200


class ExpireTokens(msgspec.Struct, frozen=True, tag=True):
    """All access tokens are expired from now on."""


class EndSessions(msgspec.Struct, frozen=True, tag=True):
    """All sessions are over: access and refresh tokens are refused from now on."""


class OrderFails(msgspec.Struct, frozen=True, tag=True):
    """An accepted order of an offline product never ends well (DHuS only)."""


class GoDown(msgspec.Struct, frozen=True, tag=True):
    """The hub goes down at once; with a time, it comes back by itself."""

    seconds: float | None = None


Effect = (
    Answer
    | Redirect
    | Delay
    | Reset
    | Cut
    | Stall
    | FlippedByte
    | WrongBytes
    | Changed
    | ExtraBytes
    | Chunked
    | WrongLength
    | WrongRange
    | Slow
    | Listed
    | MissingRows
    | BrokenJson
    | ExpireTokens
    | EndSessions
    | OrderFails
    | GoDown
)
"""What can happen to a request."""


class Fault(msgspec.Struct, frozen=True):
    """An effect and the requests it applies to.

    Attributes:
        effect: What happens.
        on: Kind of request. None for the kinds the effect is made for: rows in any catalogue
            answer for `Listed`, searches for `MissingRows` and `BrokenJson`, orders for
            `OrderFails`, downloads for all others.
        product: Id or name of a product; empty for all.
        skip: So many matching requests pass unharmed first.
        times: To how many requests it happens after that; None for all.
    """

    effect: Effect
    on: Kind | None = None
    product: str = ""
    skip: int = 0
    times: int | None = 1

    def matches(self, kind: Kind, entry: Entry | None) -> bool:
        """Whether the fault is meant for such a request."""
        if kind not in (self._usual_kinds() if self.on is None else (self.on,)):
            return False
        return not self.product or (entry is not None and self.product in (entry.id, entry.name))

    def _usual_kinds(self) -> tuple[Kind, ...]:
        match self.effect:
            case Listed():
                return (Kind.SEARCH, Kind.LOOKUP, Kind.NAMES, Kind.FEED, Kind.PROPERTY)
            case MissingRows() | BrokenJson():
                return (Kind.SEARCH,)
            case OrderFails():
                return (Kind.ORDER,)
            case _:
                return (Kind.BODY,)


_E = TypeVar("_E")


class Effects:
    """What happens to one request."""

    def __init__(self, effects: Sequence[Effect] = ()) -> None:
        self._effects = effects

    def one(self, kind: type[_E]) -> _E | None:
        """The first effect of a kind, or None."""
        for effect in self._effects:
            if isinstance(effect, kind):
                return effect
        return None

    def __bool__(self) -> bool:
        return bool(self._effects)


NO_EFFECTS = Effects()


class FaultPlan:
    """The faults in force; counts how often each was met."""

    def __init__(self, *faults: Fault) -> None:
        self._faults: list[Fault] = list(faults)
        self._met: list[int] = [0] * len(faults)

    def add(self, *faults: Fault) -> None:
        """Switch on more faults."""
        self._faults.extend(faults)
        self._met.extend([0] * len(faults))

    def remove(self, fault: Fault) -> None:
        """Switch a fault off."""
        index = self._faults.index(fault)
        del self._faults[index], self._met[index]

    def clear(self) -> None:
        """Switch all faults off."""
        self._faults.clear()
        self._met.clear()

    def happened(self, fault: Fault) -> int:
        """How often a fault had its effect."""
        met = self._met[self._faults.index(fault)] - fault.skip
        return max(0, met if fault.times is None else min(met, fault.times))

    def take(self, kind: Kind, entry: Entry | None = None) -> Effects:
        """What happens to a request that just came in; counts it."""
        if not self._faults:
            return NO_EFFECTS
        return Effects(self._due(kind, entry, rows=False))

    def row_changes(self, kind: Kind, entry: Entry) -> Mapping[str, Any]:
        """Members of a row that are to be replaced; counts the rendering."""
        changes: dict[str, Any] = {}
        if self._faults:
            for effect in self._due(kind, entry, rows=True):
                if isinstance(effect, Listed):
                    changes.update(effect.changes)
        return changes

    @property
    def changes_rows(self) -> bool:
        """Whether any fault is about rows."""
        return any(isinstance(fault.effect, Listed) for fault in self._faults)

    def _due(self, kind: Kind, entry: Entry | None, *, rows: bool) -> list[Effect]:
        due: list[Effect] = []
        for index, fault in enumerate(self._faults):
            if isinstance(fault.effect, Listed) is not rows or not fault.matches(kind, entry):
                continue
            self._met[index] += 1
            number = self._met[index] - fault.skip
            if number > 0 and (fault.times is None or number <= fault.times):
                due.append(fault.effect)
        return due
