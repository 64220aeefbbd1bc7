"""Products as lines: a table, plain lines, JSON lines, GeoJSON, CSV. Any number of them."""

from __future__ import annotations

import csv
import io
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import msgspec

from s2fetch.cli.text import printable, short_name
from s2fetch.client import Client
from s2fetch.clock import timestamp
from s2fetch.errors import ArchiveError, QueryError
from s2fetch.product import AttributeValue, Product
from s2fetch.units import format_size

Write = Callable[[str], object]

_BATCH = 100
_CSV_COLUMNS = (
    "id",
    "name",
    "collection",
    "size",
    "online",
    "sensing_start",
    "sensing_end",
    "published",
    "modified",
    "evicted",
    "checksum",
    "cloud_cover",
    "footprint",
)


class Found(msgspec.Struct):
    """What a listing came to. ``missing_names`` were asked for and are not in the catalogue."""

    count: int = 0
    size_bytes: int = 0
    unknown_sizes: int = 0
    missing_names: list[str] = msgspec.field(default_factory=list)


async def list_products(client: Client, form: str) -> Found:
    """Print everything that matches to standard output, as it arrives.

    Args:
        client: Whose configuration says what is looked for.
        form: ``table``, ``plain``, ``json``, ``geojson`` or ``csv``.

    Raises:
        QueryError: If nothing can match.
        HubError: If the catalogue cannot be read; what was printed is incomplete then.
        ArchiveError: If standard output cannot be written.
        BrokenPipeError: If nobody reads it any more.
    """
    query = client.config.query
    found = Found()
    names: set[str] = set()
    lines: list[str] = []
    render, head, tail = _FORMS[form]()
    with _writing() as write:
        write(head)
        async with client.search(attributes=form != "plain") as products:
            async for product in products:
                _count(found, product)
                if query.names:
                    names.add(product.name)
                lines.append(render(product))
                if len(lines) >= _BATCH or found.count < _BATCH:
                    write("".join(lines))
                    lines.clear()
        write("".join(lines) + tail)
    found.missing_names = sorted(set(query.names) - names)
    if not found.count and not found.missing_names:
        reason = await client.hub.explain_empty(query)
        if reason:
            raise QueryError(f"nothing matches: {reason}")
    return found


@contextmanager
def _writing() -> Iterator[Write]:
    """Standard output, with its errors explained."""
    stream = sys.stdout or io.StringIO()
    try:
        yield stream.write
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise ArchiveError(f"standard output cannot be written ({reason})") from error


def _count(found: Found, product: Product) -> None:
    found.count += 1
    found.size_bytes += product.size or 0
    found.unknown_sizes += product.size is None


Form = tuple[Callable[[Product], str], str, str]
"""How a product is rendered, what comes before the first and what after the last."""


def _table() -> Form:
    width = shutil.get_terminal_size().columns
    extra = [column for column in _TABLE_COLUMNS if column.at_least <= width]
    name_columns = min(65, width - sum(column.columns + 2 for column in extra))

    def line(name: str, cells: Iterator[str]) -> str:
        return f"{name:<{name_columns}}{''.join(f'  {cell}' for cell in cells)}".rstrip() + "\n"

    def render(product: Product) -> str:
        cells = (f"{column.cell(product):>{column.columns}}" for column in extra)
        return line(short_name(product.name, name_columns), cells)

    head = line("NAME", (f"{column.heading:>{column.columns}}" for column in extra))
    return render, head, ""


class _Column(msgspec.Struct, frozen=True):
    heading: str
    columns: int
    at_least: int
    cell: Callable[[Product], str]


def _cloud(attributes: Mapping[str, AttributeValue]) -> str:
    cloud = attributes.get("cloudCover")
    return f"{cloud:.0f} %" if isinstance(cloud, int | float) else ""


def _size(product: Product) -> str:
    return "?" if product.size is None else format_size(product.size)


_TABLE_COLUMNS = (
    _Column("SIZE", 7, 0, _size),
    _Column("CLOUD", 5, 60, lambda product: _cloud(product.attributes)),
    _Column("ONLINE", 6, 100, lambda product: "yes" if product.online else "no"),
    _Column("PUBLISHED", 16, 110, lambda product: timestamp(product.published)[:16]),
)


def _plain() -> Form:
    def render(product: Product) -> str:
        cells = (
            product.name,
            "" if product.size is None else str(product.size),
            timestamp(product.sensing_start),
            timestamp(product.published),
            "online" if product.online else "offline",
            product.id,
        )
        return "\t".join(printable(cell) for cell in cells) + "\n"

    return render, "", ""


def _json() -> Form:
    def render(product: Product) -> str:
        return msgspec.json.encode(_fields(product)).decode() + "\n"

    return render, "", ""


def _geojson() -> Form:
    """A FeatureCollection (RFC 7946); one that was cut short is no valid JSON, on purpose."""
    import shapely

    first = True

    def render(product: Product) -> str:
        nonlocal first
        separator, first = ("\n" if first else ",\n"), False
        shape = "null"
        if product.footprint:
            shape = shapely.to_geojson(shapely.from_wkt(product.footprint))
        fields = _fields(product)
        del fields["footprint"]
        feature = {
            "type": "Feature",
            "id": product.id,
            "geometry": msgspec.Raw(shape.encode()),
            "properties": fields,
        }
        return separator + msgspec.json.encode(feature).decode()

    return render, '{"type":"FeatureCollection","features":[', "\n]}\n"


def _csv() -> Form:
    """CSV (RFC 4180) with lines that end as on this system."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")

    def row(cells: tuple[object, ...]) -> str:
        writer.writerow(cells)
        text = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return text

    def render(product: Product) -> str:
        fields = _fields(product)
        checksum = product.best_checksum
        own = {
            "checksum": "" if checksum is None else str(checksum),
            "cloud_cover": product.attributes.get("cloudCover", ""),
            "online": "true" if product.online else "false",
        }
        return row(tuple(own.get(name, fields.get(name)) for name in _CSV_COLUMNS))

    return render, row(_CSV_COLUMNS), ""


def _fields(product: Product) -> dict[str, object]:
    """A product's fields as JSON has them; times in ISO 8601, UTC."""
    fields: dict[str, object] = {}
    for name in product.__struct_fields__:
        fields[name] = msgspec.to_builtins(getattr(product, name), enc_hook=dict)
    return fields


_FORMS: dict[str, Callable[[], Form]] = {
    "table": _table,
    "plain": _plain,
    "json": _json,
    "geojson": _geojson,
    "csv": _csv,
}
