"""Text forms: how a product is written, what comes before the first and what after the last."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence

import msgspec

from s2fetch.clock import timestamp
from s2fetch.errors import UsageError
from s2fetch.export import fields as f
from s2fetch.export.fields import Field, UrlOf, Value
from s2fetch.product import Product

_MICROSECONDS = re.compile(r"(\.\d{3})\d+")


class Form(msgspec.Struct, frozen=True):
    """One form, for one listing.

    Attributes:
        row: A product as text, its line end included.
        head: What comes before the first.
        tail: What comes after the last.
        attributes: Whether the products need their attributes.
    """

    row: Callable[[Product], str]
    head: str = ""
    tail: str = ""
    attributes: bool = True


def make_form(form: str, url_of: UrlOf, fields: Sequence[str] = ()) -> Form:
    """A form by its name.

    Args:
        form: One of `FORMS`.
        url_of: The hub's.
        fields: Names of the columns; empty for the form's own.

    Raises:
        UsageError: There is no such form or field, or the form cannot be made of chosen fields.
    """
    if form not in FORMS:
        raise UsageError(
            f"{form!r} is no form of a listing",
            advice=f"Known are {', '.join(FORMS)} and, for files, geoparquet",
        )
    if fields and form not in WITH_FIELDS:
        raise UsageError(
            f"a listing as {form} has fields of its own",
            advice=f"Choose fields for {', '.join(WITH_FIELDS)}",
        )
    return FORMS[form](url_of, f.fields_of(fields))


def _any_attribute(fields: Sequence[Field]) -> bool:
    return any(field.is_attribute for field in fields)


def _plain(url_of: UrlOf, fields: Sequence[Field]) -> Form:
    def own(product: Product) -> list[str]:
        return [
            product.name,
            _cell(product.size),
            timestamp(product.sensing_start),
            timestamp(product.published),
            "online" if product.online else "offline",
            product.id,
        ]

    def chosen(product: Product) -> list[str]:
        return [_cell(field.value(product, url_of)) for field in fields]

    cells = chosen if fields else own
    return Form(
        lambda product: "\t".join(one_line(cell) for cell in cells(product)) + "\n",
        attributes=_any_attribute(fields),
    )


def _json(url_of: UrlOf, fields: Sequence[Field]) -> Form:
    """JSON lines, with everything nested as it is, or flat with the chosen fields."""

    def row(product: Product) -> str:
        if fields:
            held: object = {field.name: field.value(product, url_of) for field in fields}
        else:
            held = nested(product)
        return msgspec.json.encode(held).decode() + "\n"

    return Form(row, attributes=_any_attribute(fields) or not fields)


def _geojson(url_of: UrlOf, fields: Sequence[Field]) -> Form:
    """A FeatureCollection (RFC 7946) with one flat table of columns, as GIS programs read it.

    Their times have milliseconds; some of them stumble over more.
    """

    def feature(product: Product) -> object:
        if fields:
            properties = {field.name: field.value(product, url_of) for field in fields}
        else:
            properties = dict(f.flattened(product, url_of))
        for name in f.TIMES:
            if isinstance(time := properties.get(name), str):
                properties[name] = _MICROSECONDS.sub(r"\1", time)
        return {
            "type": "Feature",
            "id": product.id,
            "geometry": geometry_of(product),
            "properties": properties,
        }

    return _collection(feature, attributes=_any_attribute(fields) or not fields)


def _stac(url_of: UrlOf, _: Sequence[Field]) -> Form:
    from s2fetch.export.stac import item_of

    return _collection(lambda product: item_of(product, url_of))


def _csv(url_of: UrlOf, fields: Sequence[Field]) -> Form:
    """CSV (RFC 4180) with lines that end as on this system."""
    columns = fields or f.fields_of(f.DEFAULT)
    buffer = io.StringIO()
    writer = csv.writer(buffer)  # which quotes what would end its own lines, with CR and LF

    def line(cells: Sequence[str]) -> str:
        writer.writerow(cells)
        text = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return text.removesuffix("\r\n") + "\n"

    return Form(
        lambda product: line([_cell(column.value(product, url_of)) for column in columns]),
        line([column.name for column in columns]),
        attributes=_any_attribute(columns),
    )


def _names(_: UrlOf, __: Sequence[Field]) -> Form:
    return Form(lambda product: one_line(product.name) + "\n", attributes=False)


def _urls(url_of: UrlOf, _: Sequence[Field]) -> Form:
    return Form(lambda product: one_line(url_of(product)) + "\n", attributes=False)


FORMS: dict[str, Callable[[UrlOf, Sequence[Field]], Form]] = {
    "plain": _plain,
    "json": _json,
    "geojson": _geojson,
    "csv": _csv,
    "stac": _stac,
    "names": _names,
    "urls": _urls,
}
"""Text forms by name: lines with tabs, JSON lines, GeoJSON, CSV, a STAC item collection, names
only, URLs only."""
WITH_FIELDS = ("plain", "json", "geojson", "csv")
"""Those that can be made of chosen fields."""


def nested(product: Product) -> dict[str, object]:
    """A product's own fields as JSON has them; times in ISO 8601, UTC."""
    return {
        name: msgspec.to_builtins(getattr(product, name), enc_hook=dict)
        for name in product.__struct_fields__
    }


def geometry_of(product: Product) -> msgspec.Raw:
    """The footprint as a GeoJSON geometry; null where there is none that can be read."""
    import shapely

    if product.footprint is None:
        return msgspec.Raw(b"null")
    try:
        shape = shapely.from_wkt(product.footprint)
    except shapely.errors.ShapelyError:
        return msgspec.Raw(b"null")
    return msgspec.Raw(shapely.to_geojson(shape).encode())


def one_line(text: str) -> str:
    """Text without anything that would end a cell or a line, or steer a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _cell(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _collection(feature: Callable[[Product], object], *, attributes: bool = True) -> Form:
    """Features one by one; a collection that was cut short is no valid JSON, on purpose."""
    first = True

    def row(product: Product) -> str:
        nonlocal first
        separator, first = ("\n" if first else ",\n"), False
        return separator + msgspec.json.encode(feature(product)).decode()

    head = '{"type":"FeatureCollection","features":['
    return Form(row, head, "\n]}\n", attributes)
