"""The bytes of the progress file's document: a header, one product per line, a seal.

The whole is one JSON object, which anything can read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from s2fetch.archive.lines import BLOCK_BYTES
from s2fetch.archive.records import Record
from s2fetch.archive.seal import Sealing

SCHEMA = 1
"""Version of the format this s2fetch writes; a document with a later one is refused."""

OPENING = b'"products": {\n'
"""Ends the first line."""

_encode = msgspec.json.Encoder().encode


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a document says besides its products.

    Attributes:
        schema: Version of the format.
        archive: Name of the archive.
        generation: Grows with every new document; lines of a journal name the one they belong to.
        folded: When the document was written, ISO 8601 in UTC.
        meta: Small values kept with the archive, for example the summary of the last run.
    """

    schema: int
    archive: str = ""
    generation: int = 0
    folded: str = ""
    meta: dict[str, msgspec.Raw] = {}


def product_line(product_id: str, record: Record | bytes) -> bytes:
    """A product's line, without comma and newline."""
    body = record if isinstance(record, bytes) else _encode(record)
    return b"%b: %b" % (_encode(product_id), body)


def document_chunks(header: Header, lines: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of a document, in pieces of a quarter of a megabyte or more."""
    sealing = Sealing()
    pending = [_encode(header)[:-1] + b", " + OPENING]
    count = size = 0
    for line in lines:
        pending.append(b",\n" + line if count else line)
        count += 1
        size += len(line)
        if size >= BLOCK_BYTES:
            yield sealing.take(b"".join(pending))
            pending.clear()
            size = 0
    if count:
        pending.append(b"\n")
    yield sealing.take(b"".join(pending))
    yield sealing.last_line(count)
