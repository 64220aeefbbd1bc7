"""Products as a table that fits the terminal, one line at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from s2fetch.cli.text import printable, short_name
from s2fetch.export.fields import Field, UrlOf, fields_of
from s2fetch.export.forms import Form
from s2fetch.product import Product
from s2fetch.units import format_size
from s2fetch.vocabulary import attributes_of

NAME_COLUMNS = {
    "SENTINEL-1": 77,
    "SENTINEL-2": 65,
    "SENTINEL-3": 99,
    "SENTINEL-5P": 86,
    "SENTINEL-6": 103,
}
"""The longest usual name of each mission, extension included."""
MOST_NAME_COLUMNS = max(NAME_COLUMNS.values())
LEAST_NAME_COLUMNS = 20
CLOUD_FROM_COLUMNS = 60
"""The width of a terminal from which clouds are worth more than the whole name."""
_ATTRIBUTE_COLUMNS = 12


class _Column(msgspec.Struct, frozen=True):
    """One column; a negative width means that it is as wide as there is room."""

    heading: str
    columns: int
    cell: Callable[[Product], str]


def table_form(url_of: UrlOf, fields: Sequence[str], width: int, collection: str = "") -> Form:
    """A table for a terminal of so many columns.

    Args:
        url_of: The hub's.
        fields: Names of the columns; empty for the usual ones.
        width: Columns of the terminal. What has no room is cut, or left out unless it was chosen.
        collection: Of all products; empty when they may be of several.

    Raises:
        UsageError: There is no such field.
    """
    chosen = [_chosen(field, url_of) for field in fields_of(fields)]
    longest = NAME_COLUMNS.get(collection, MOST_NAME_COLUMNS)
    columns = chosen or _usual(collection, longest, width)
    attributes = _CLOUD in columns or any(field.is_attribute for field in fields_of(fields))
    flexible = max(LEAST_NAME_COLUMNS, min(longest, width - _fixed(columns)))

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


def _usual(collection: str, longest: int, width: int) -> list[_Column]:
    """As many columns as there is room for beside the longest name."""
    columns = [_NAME, _SIZE]
    listed = attributes_of(collection)
    if width >= CLOUD_FROM_COLUMNS and (not listed or "cloudCover" in listed):
        columns.append(_CLOUD)
    for column in (_ONLINE, _PUBLISHED):
        if longest + _fixed([*columns, column]) <= width:
            columns.append(column)
    return columns


def _fixed(columns: Iterable[_Column]) -> int:
    """How much room is taken beside the name."""
    return sum(column.columns + 2 for column in columns if column.columns > 0)


def _cloud(product: Product) -> str:
    cloud = product.attributes.get("cloudCover")
    return f"{cloud:.0f} %" if isinstance(cloud, int | float) else ""


def _size(product: Product) -> str:
    return "?" if product.size is None else format_size(product.size)


def _online(product: Product) -> str:
    return "yes" if product.online else "no"


_SIZE = _Column("SIZE", 7, _size)
_CLOUD = _Column("CLOUD", 5, _cloud)
_ONLINE = _Column("ONLINE", 6, _online)
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


_PUBLISHED = _Column("PUBLISHED", 16, _published)
