"""What the hub needs from a catalogue, whatever it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from s2fetch.embedded.entry import Entry
from s2fetch.embedded.odata_filter import Expression
from s2fetch.embedded.odata_match import FIELDS

Body = Path | bytes
"""Where the bytes of a download come from."""


class Ordering(msgspec.Struct, frozen=True):
    """``$orderby``: one property and a direction. Ties go by Id."""

    path: str
    descending: bool = False


class Found(msgspec.Struct, frozen=True):
    """One page of a search and how many rows match altogether."""

    rows: Sequence[Entry]
    total: int


class Catalogue(Protocol):
    """A set of products that can be searched and fetched."""

    def search(
        self, expression: Expression | None, ordering: Ordering | None, skip: int, top: int, /
    ) -> Found:
        """Rows ``skip`` to ``skip + top`` of what matches; without an order in random order."""

    def search_deleted(
        self, expression: Expression | None, ordering: Ordering | None, skip: int, top: int, /
    ) -> Found:
        """The same among the tombstones."""

    def entry(self, product_id: str) -> Entry | None:
        """The row of a product."""

    def named(self, names: Iterable[str]) -> list[Entry]:
        """Rows with exactly one of these names."""

    def body(self, product_id: str) -> Body | None:
        """The download of a product."""

    def by_quicklook(self, asset_id: str, /) -> Entry | None:
        """The product whose quicklook this is."""

    def relist(self, product_id: str, **changes: object) -> Entry:
        """Change a row; unknown products are a KeyError."""


def sorted_rows(rows: Iterable[Entry], ordering: Ordering) -> list[Entry]:
    """Rows in the wanted order, ties by Id."""
    by_id = sorted(rows, key=lambda entry: entry.id)
    field = FIELDS[ordering.path]
    return sorted(by_id, key=lambda entry: getattr(entry, field), reverse=ordering.descending)
