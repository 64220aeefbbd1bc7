"""GeoParquet: a table with a column of geometries, written a group of rows at a time.

Source: GeoParquet specification 1.1.0 (encoding WKB, longitude and latitude by default).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2fetch.errors import UsageError
from s2fetch.export.fields import OWN, TIMES, UrlOf
from s2fetch.product import AttributeValue, Product
from s2fetch.vocabulary import Kind, kind_of, read_moment

if TYPE_CHECKING:
    import pyarrow as pa

GEO = {
    "version": "1.1.0",
    "primary_column": "geometry",
    "columns": {"geometry": {"encoding": "WKB", "geometry_types": []}},
}
"""The file's ``geo`` metadata; no geometry types means that any may occur."""
OTHERS = "other_attributes"
"""A column with everything, as JSON, that has no column of its own."""

_TEXTS = ("id", "name", "collection", "md5", "blake3", "url")


class ParquetTable:
    """A file that is being written; its methods block.

    Its columns are the fields of a product and the attributes of the products in the first group;
    what later ones have besides goes to `OTHERS`.

    Args:
        path: The file, which must not exist.
        url_of: The hub's.

    Raises:
        UsageError: pyarrow is not installed.
    """

    def __init__(self, path: Path, url_of: UrlOf) -> None:
        try:
            import pyarrow.parquet
        except ImportError as error:
            raise UsageError(
                f"{path} is to be GeoParquet, and the library that writes it is not installed",
                advice="Install it with pip install 's2fetch[parquet]'",
            ) from error
        self._path = path
        self._url_of = url_of
        self._types: Mapping[str, str] = {}
        self._writer: pyarrow.parquet.ParquetWriter | None = None

    def write(self, products: Sequence[Product]) -> None:
        """Write one group of rows."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._writer is None:
            self._types = _types_of(products)
            self._writer = pq.ParquetWriter(self._path, self._schema(), compression="zstd")
        schema = self._schema()
        rows = [self._row(product) for product in products]
        columns = {name: [row[name] for row in rows] for name in schema.names}
        columns["geometry"] = _geometries(products)
        self._writer.write_table(pa.table(columns, schema=schema))

    def close(self) -> None:
        """End the file, with an empty table when nothing was written."""
        if self._writer is None:
            self.write([])
        if self._writer is not None:
            self._writer.close()

    def abandon(self) -> None:
        """Close the file without caring for what is in it."""
        if self._writer is not None:
            self._writer.close()

    def _schema(self) -> pa.Schema:
        import pyarrow as pa

        kinds: dict[str, pa.DataType] = {
            "bool": pa.bool_(),
            "int": pa.int64(),
            "float": pa.float64(),
            "str": pa.string(),
            "time": pa.timestamp("us", tz="UTC"),
        }
        columns: list[tuple[str, pa.DataType]] = [
            *((name, pa.string()) for name in _TEXTS),
            ("size", pa.int64()),
            ("online", pa.bool_()),
            *((name, pa.timestamp("us", tz="UTC")) for name in TIMES),
            *((name, kinds[kind]) for name, kind in self._types.items()),
            (OTHERS, pa.string()),
            ("geometry", pa.binary()),
        ]
        return pa.schema(columns, metadata={"geo": json.dumps(GEO)})

    def _row(self, product: Product) -> dict[str, Any]:
        row: dict[str, Any] = {
            **{
                name: OWN[name].value(product, self._url_of) for name in (*_TEXTS, "size", "online")
            },
            **{name: getattr(product, name) for name in TIMES},
            **dict.fromkeys(self._types),
            "geometry": None,
        }
        others = {}
        for name, value in product.attributes.items():
            kind = self._types.get(name)
            found = None if kind is None else _typed(value, kind)
            if found is None:
                others[name] = value
            else:
                row[name] = found
        row[OTHERS] = json.dumps(others) if others else None
        return row


def _geometries(products: Sequence[Product]) -> list[bytes | None]:
    import shapely

    shapes = shapely.from_wkt([product.footprint for product in products], on_invalid="ignore")
    return list(shapely.to_wkb(shapes))


def _types_of(products: Sequence[Product]) -> dict[str, str]:
    """The attributes of some products, with the type that all their values have."""
    own = {*OWN, *TIMES, OTHERS, "geometry"}
    kinds: dict[str, set[str]] = {}
    for product in products:
        for name, value in product.attributes.items():
            if name not in own:
                kinds.setdefault(name, set()).add(_kind(name, value))
    return {name: _common(found) for name, found in kinds.items()}


def _kind(name: str, value: AttributeValue) -> str:
    if isinstance(value, str) and kind_of(name, value) is Kind.TIME and _moment(value):
        return "time"
    return type(value).__name__


def _common(kinds: set[str]) -> str:
    if len(kinds) == 1:
        return next(iter(kinds))
    return "float" if kinds == {"int", "float"} else "str"


def _typed(value: AttributeValue, kind: str) -> AttributeValue | datetime | None:
    """The value as a column of this type holds it; None when it cannot."""
    if kind == "time":
        return _moment(value)
    if kind == "float":
        return None if isinstance(value, bool | str) else float(value)
    if kind == "int" and not (type(value) is int and -(2**63) <= value < 2**63):
        return None
    return value if type(value).__name__ == kind else None


def _moment(value: AttributeValue) -> datetime | None:
    try:
        return read_moment(str(value))
    except (ValueError, OverflowError):
        return None
