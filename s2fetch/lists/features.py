"""Lists in JSON: feature collections, STAC item collections, arrays, one object on each line.

Sources: RFC 7946; STAC specification 1.1; what sentinelsat's ``--footprints`` writes; answers of
the Copernicus Data Space's catalogue (OData 4.01 JSON), which some programs keep as they are.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from s2fetch import naming
from s2fetch.lists.rows import ID_KEYS, NAME_KEYS, URL_KEYS, Collector

_KEYS = (*NAME_KEYS, *ID_KEYS, *URL_KEYS)
_BYTE = re.compile(r"(.*?) ?\(byte (\d+)\)")
_LAST_COMMA = re.compile(rb",\s*(\]\s*\}\s*)\Z")
"""What is left when somebody deletes the last line of a listing, each feature being one."""


class _Asset(msgspec.Struct):
    href: Any = None


class _Row(msgspec.Struct):
    """A feature, a STAC item, or an object with the fields at its top."""

    features: list[_Row] | msgspec.UnsetType = msgspec.UNSET
    value: list[_Row] | msgspec.UnsetType = msgspec.UNSET
    properties: dict[str, Any] | None = None
    assets: dict[str, _Asset] | None = None
    stac_version: Any = None
    name: Any = None
    odata_name: Any = msgspec.field(name="Name", default=None)
    filename: Any = None
    identifier: Any = None
    title: Any = None
    id: Any = None
    odata_id: Any = msgspec.field(name="Id", default=None)
    uuid: Any = None
    product_id: Any = None
    href: Any = None
    url: Any = None
    link: Any = None
    download_link: Any = None


_decoder = msgspec.json.Decoder(_Row)
_document_decoder = msgspec.json.Decoder(_Row | list[_Row])


def read_json(data: bytes, into: Collector) -> None:
    """Take every product of a JSON document, or of JSON lines.

    Raises:
        QueryError: It is not whole, or a row has no product.
    """
    data = _LAST_COMMA.sub(rb"\1", data)
    try:
        document = _document_decoder.decode(data)
    except msgspec.DecodeError as error:
        if not _begins_with_a_whole_line(data):
            raise into.wrong(*_where(error, data)) from error
        _read_lines(data, into)
        return
    for number, row in enumerate(_rows(document), 1):
        _take(row, into, f"feature {number}")


def _rows(document: _Row | list[_Row]) -> list[_Row]:
    if isinstance(document, list):
        return document
    if document.features is not msgspec.UNSET:
        return document.features
    return [document] if document.value is msgspec.UNSET else document.value


def _read_lines(data: bytes, into: Collector) -> None:
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            try:
                row = _decoder.decode(line)
            except msgspec.DecodeError as error:
                raise into.wrong(f"line {number}", _reason(error)) from error
            _take(row, into, f"line {number}")


def _begins_with_a_whole_line(data: bytes) -> bool:
    first, newline, _ = data.lstrip().partition(b"\n")
    try:
        _decoder.decode(first)
    except msgspec.DecodeError:
        return False
    return bool(newline)


def _take(row: _Row, into: Collector, place: str) -> None:
    if row.stac_version is not None and isinstance(row.id, str):
        _take_item(row, row.id, into, place)
    else:
        own = {key: getattr(row, key) for key in _KEYS}
        own |= {"name": row.name or row.odata_name, "id": row.id or row.odata_id}
        properties = row.properties or {}
        into.add_fields({**own, **{k: v for k, v in properties.items() if k in _KEYS}}, place)


def _take_item(row: _Row, name: str, into: Collector, place: str) -> None:
    """A STAC item: its id is the name, which lacks the extension; else an asset's address."""
    if naming.parse(name) is None:
        for asset in (row.assets or {}).values():
            if isinstance(asset.href, str) and "/Products(" in asset.href:
                into.add_url(asset.href, place)
                return
    into.add_name(name, place)


def _where(error: msgspec.DecodeError, data: bytes) -> tuple[str, str]:
    """The line a document is broken in, and how."""
    match = _BYTE.fullmatch(str(error))
    if match is not None:
        newlines = data.count(b"\n", 0, int(match[2]))
        return f"line {newlines + 1}", _reason(error)
    if isinstance(error, msgspec.ValidationError):
        return "", _reason(error)
    newlines = data.rstrip().count(b"\n")
    return f"line {newlines + 1}", _reason(error)


def _reason(error: msgspec.DecodeError) -> str:
    text = _BYTE.sub(r"\1", str(error))
    return "the file ends in the middle of it" if "truncated" in text else text
