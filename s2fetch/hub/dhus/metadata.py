"""What only the hub's OData service tells of a product.

That is its exact length, its checksum, whether it is online, when it changed and when it leaves.

OData version 2, ``{"d": …}``, times as ``/Date(milliseconds)/``. Older generations know neither
``Online`` nor ``ModificationDate``; there everything is online.
Source: recorded answers of hubs of every generation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec

from s2fetch.product import Algorithm, Checksum, Product

_DATE = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d+)?\)/")
_MD5 = re.compile(r"[0-9a-f]{32}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SAFE = "/:,()='$"


class Metadata(msgspec.Struct, frozen=True):
    """What OData says of one product; see `Product`."""

    id: str
    name: str
    size: int | None
    checksums: tuple[Checksum, ...]
    online: bool
    modified: datetime | None
    evicted: datetime | None

    def added_to(self, product: Product) -> Product:
        """The product with all that is known of it."""
        return msgspec.structs.replace(
            product,
            size=self.size,
            checksums=self.checksums,
            online=self.online,
            modified=self.modified,
            evicted=self.evicted,
        )


def product_url(base: str, product_id: str) -> str:
    """The address of a product in OData."""
    literal = quote(product_id.replace("'", "''"), safe="-")
    return f"{base}/odata/v1/Products('{literal}')"


def one_url(base: str, product_id: str) -> str:
    """Where the metadata of one product are."""
    return f"{product_url(base, product_id)}?$format=json"


def many_url(base: str, product_ids: Sequence[str]) -> str:
    """Where the metadata of several products are."""
    literals = (product_id.replace("'", "''") for product_id in product_ids)
    wanted = " or ".join(f"Id eq '{literal}'" for literal in literals)
    options = f"$filter={quote(wanted, safe=_SAFE)}&$top={len(product_ids)}&$format=json"
    return f"{base}/odata/v1/Products?{options}"


def parse_one(body: bytes) -> Metadata:
    """Parse the answer of `one_url`.

    Raises:
        ValueError: If it is something else.
    """
    return _metadata(_data(body))


def parse_many(body: bytes) -> list[Metadata]:
    """Parse the answer of `many_url`.

    Raises:
        ValueError: If it is something else.
    """
    return [_metadata(row) for row in rows_of(body)]


def rows_of(body: bytes) -> list[dict[str, Any]]:
    """The entries of a feed.

    Raises:
        ValueError: If it is something else.
    """
    rows = _data(body).get("results")
    if not isinstance(rows, list):
        raise ValueError("it is no list of products")  # noqa: TRY004 - a broken answer
    return [row for row in rows if isinstance(row, dict)]


def _data(body: bytes) -> dict[str, Any]:
    answer = msgspec.json.decode(body)
    data = answer.get("d") if isinstance(answer, dict) else None
    if isinstance(data, list):
        return {"results": data}
    if not isinstance(data, dict):
        raise ValueError("it is not OData")  # noqa: TRY004 - a broken answer
    return data


def _metadata(row: dict[str, Any]) -> Metadata:
    product_id = row.get("Id")
    if not isinstance(product_id, str) or not product_id:
        raise ValueError("a product has no Id")
    return Metadata(
        id=product_id,
        name=str(row.get("Name") or ""),
        size=_length(row.get("ContentLength")),
        checksums=_checksums(row.get("Checksum")),
        online=str(row.get("Online", True)).lower() != "false",
        modified=date(row.get("ModificationDate")),
        evicted=date(row.get("EvictionDate")),
    )


def _length(value: object) -> int | None:
    try:
        length = int(value) if isinstance(value, (int, str)) else 0
    except ValueError:
        return None
    return length if length > 0 else None


def _checksums(value: object) -> tuple[Checksum, ...]:
    """MD5, in upper or lower case; other algorithms cannot be computed here."""
    if not isinstance(value, dict):
        return ()
    digest = str(value.get("Value") or "").strip().lower()
    is_md5 = str(value.get("Algorithm") or "").upper().replace("-", "") == "MD5"
    return (Checksum(Algorithm.MD5, digest),) if is_md5 and _MD5.fullmatch(digest) else ()


def date(value: object) -> datetime | None:
    """The time that ``/Date(milliseconds)/`` stands for, or None."""
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    try:
        return _EPOCH + timedelta(milliseconds=int(match[1])) if match else None
    except OverflowError:
        return None
