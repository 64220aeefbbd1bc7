"""From one row of any list to a product's name, or else its identifier."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from s2fetch import naming
from s2fetch.errors import QueryError
from s2fetch.vocabulary import check_name

STDIN = Path("-")
"""Stands for standard input, as it does in `config.parsers`."""
NAME_KEYS = ("name", "filename", "identifier", "title")
"""Where a row may have the name, best first: s2fetch, CSO and sentinelsat, sentinelsat."""
ID_KEYS = ("id", "uuid", "product_id")
"""Where it may have the identifier."""
URL_KEYS = ("href", "url", "link", "download_link")
"""Where it may have the address of the download."""

_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PRODUCT = re.compile(rf"/Products\('?({_ID.pattern})'?\)")


class ProductList(msgspec.Struct, frozen=True):
    """What a list names, in its order and without repetitions.

    Attributes:
        names: As the catalogue lists them.
        ids: Identifiers of those that the list does not name.
    """

    names: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()


class Collector:
    """Gathers the rows of one list.

    Args:
        path: Where they are from, for messages.
    """

    def __init__(self, path: Path) -> None:
        self.place = "standard input" if path == STDIN else str(path)
        self._names: dict[str, None] = {}
        self._ids: dict[str, None] = {}

    def add_name(self, name: str, row: str) -> None:
        """Take a name, with or without extension.

        Raises:
            QueryError: It cannot be one.
        """
        try:
            self._names[check_name(name)] = None
        except QueryError as error:
            raise self.wrong(row, error.what) from error

    def add_url(self, url: str, row: str) -> None:
        """Take an address: of a download (OData), or of anything below a product's own name.

        Raises:
            QueryError: It leads to no product.
        """
        if match := _PRODUCT.search(url):
            self._ids[match[1].lower()] = None
            return
        for part in url.partition("?")[0].split("/"):
            if naming.parse(part) is not None:
                self.add_name(part, row)
                return
        raise self.wrong(row, f"{_short(url)} is not the address of a product")

    def add_cell(self, cell: str, row: str) -> None:
        """Take a name, an identifier or an address.

        Raises:
            QueryError: It is none of these.
        """
        if "://" in cell:
            self.add_url(cell, row)
        elif _ID.fullmatch(cell):
            self._ids[cell.lower()] = None
        else:
            self.add_name(cell, row)

    def add_fields(self, fields: Mapping[str, object], row: str) -> None:
        """Take a row with named fields: the name where there is one, else identifier or address.

        Raises:
            QueryError: It has none of them.
        """
        for key in NAME_KEYS:
            if text := _text(fields.get(key)):
                # Tables of local files have paths.
                self.add_name(text.rpartition("/")[2], row)
                return
        for key in (*ID_KEYS, *URL_KEYS):
            if text := _text(fields.get(key)):
                self.add_cell(text, row)
                return
        raise self.wrong(row, "there is neither a name nor an identifier of a product")

    def listed(self) -> ProductList:
        """Everything that was taken.

        Raises:
            QueryError: Nothing; without this, no restriction would remain and everything would be
                selected.
        """
        if not self._names and not self._ids:
            raise QueryError(f"{self.place} holds no names of products")
        return ProductList(tuple(self._names), tuple(self._ids))

    def wrong(self, row: str, what: str) -> QueryError:
        """The error about a row: ``line 3`` or ``feature 3``."""
        return QueryError(f"{self.place}, {row}: {what}" if row else f"{self.place}: {what}")


def is_identifier(text: str) -> bool:
    """Whether this is a hub's identifier of a product (a UUID)."""
    return _ID.fullmatch(text) is not None


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
