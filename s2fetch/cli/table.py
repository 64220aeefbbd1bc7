"""Products as a table that fits the terminal, one line at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from s2fetch.cli.text import printable, short_name
from s2fetch.export.fields import Field, UrlOf, fields_of
from s2fetch.export.forms import Form
from s2fetch.product import Product
from s2fetch.units import format_size

NAME_COLUMNS = 65
"""The longest name of a Sentinel-2 product."""
LEAST_NAME_COLUMNS = 20
_ATTRIBUTE_COLUMNS = 12


class _Column(msgspec.Struct, frozen=True):
    """One column; a negative width means that it is as wide as there is room."""

    heading: str
    columns: int
    cell: Callable[[Product], str]
    at_least: int = 0


def table_form(url_of: UrlOf, fields: Sequence[str], width: int) -> Form:
    """A table for a terminal of so many columns.

    Args:
        url_of: The hub's.
        fields: Names of the columns; empty for the usual ones.
        width: Columns of the terminal. What has no room is cut, or left out unless it was chosen.

    Raises:
        UsageError: There is no such field.
    """
    chosen = [_chosen(field, url_of) for field in fields_of(fields)]
    columns = chosen or [column for column in _USUAL if column.at_least <= width]
    attributes = not fields or any(field.is_attribute for field in fields_of(fields))
    fixed = sum(column.columns + 2 for column in columns if column.columns > 0)
    flexible = max(LEAST_NAME_COLUMNS, min(NAME_COLUMNS, width - fixed))

    def line(cells: Iterable[str]) -> str:
        shown = []
        for column, cell in zip(columns, cells, strict=True):
            if column.columns < 0:
                shown.append(f"{short_name(cell, flexible):<{flexible}}")
            else:
                shown.append(f"{short_name(cell, column.columns):>{column.columns}}")
        return "  ".join(shown).rstrip() + "\n"

    return Form(
        lambda product: line(column.cell(product) for column in columns),
        line(column.heading for column in columns),
        attributes=attributes,
    )


def _cloud(product: Product) -> str:
    cloud = product.attributes.get("cloudCover")
    return f"{cloud:.0f} %" if isinstance(cloud, int | float) else ""


def _size(product: Product) -> str:
    return "?" if product.size is None else format_size(product.size)


def _online(product: Product) -> str:
    return "yes" if product.online else "no"


_SIZE = _Column("SIZE", 7, _size)
_CLOUD = _Column("CLOUD", 5, _cloud, 60)
_ONLINE = _Column("ONLINE", 6, _online, 100)
_NAME = _Column("NAME", -1, lambda product: product.name)
_OWN = {
    "name": _NAME,
    "size": _SIZE,
    "online": _ONLINE,
    "cloud_cover": _CLOUD,
    "cloudCover": _CLOUD,
}
_WIDTHS = {
    **dict.fromkeys(("sensing_start", "sensing_end", "published", "modified", "evicted"), 16),
    "id": 36,
    "md5": 32,
    "checksum": 39,
    "blake3": 64,
    "url": 100,
    "collection": 12,
}


def _chosen(field: Field, url_of: UrlOf) -> _Column:
    if field.name in _OWN:
        return _OWN[field.name]
    columns = max(_WIDTHS.get(field.name, _ATTRIBUTE_COLUMNS), len(field.name))

    def cell(product: Product) -> str:
        value = field.value(product, url_of)
        text = "" if value is None else str(value)
        return text[:16] if _WIDTHS.get(field.name) == 16 else printable(text)

    return _Column(field.name.upper(), columns, cell)


def _published(product: Product) -> str:
    return str(fields_of(["published"])[0].value(product, lambda _: "") or "")[:16]


_USUAL = (_NAME, _SIZE, _CLOUD, _ONLINE, _Column("PUBLISHED", 16, _published, 110))
