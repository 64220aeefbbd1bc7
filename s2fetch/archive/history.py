"""What was decided and tried for products, for people who ask why: two files of bounded size.

``history.jsonl`` in ``.s2fetch`` has one JSON object on each line, newest last. When it has grown,
it becomes ``history.previous.jsonl``, whose lines are forgotten then. Nothing but explanations
depends on it, so that it is not flushed and a line that cannot be read is passed over.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from s2fetch.archive.durable import translating
from s2fetch.archive.recovery import FOLDER

MOST_BYTES = 16 << 20
"""Of each of the two files; enough for some 100,000 lines."""


class Moment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened to one product.

    Attributes:
        at: When, ISO 8601 in UTC.
        event: The event's stable name.
        text: What happened, for people.
        id: The product.
        name: Its name, where the identifier is not known.
        account: Through whose slot.
        attempt: Which attempt, from 1.
        code: Stable short name of the error.
    """

    at: str
    event: str
    text: str
    id: str = ""
    name: str = ""
    account: str = ""
    attempt: int = 0
    code: str = ""


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Moment)


def append_history(root: Path, moments: Iterable[Moment]) -> None:
    """Add moments to the history of the archive at a root. Blocking.

    Raises:
        ArchiveError: They could not be written; some of them may be.
    """
    path, previous = _paths(root)
    lines = b"".join(_encode(moment) + b"\n" for moment in moments)
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    with translating(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, flags, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                lines = b"\n" + lines  # a crash cut the line before
            while lines:
                lines = lines[os.write(descriptor, lines) :]
            if os.fstat(descriptor).st_size > MOST_BYTES:
                path.replace(previous)
        finally:
            os.close(descriptor)


def read_history(root: Path, product_id: str, name: str, *, most: int) -> list[Moment]:
    """The last moments of one product, oldest first. Blocking.

    Raises:
        ArchiveError: The history cannot be read.
    """
    found: list[Moment] = []
    for path in reversed(_paths(root)):
        with translating(path):
            try:
                with path.open("rb") as file:
                    found += _of_product(file, product_id, name)
            except FileNotFoundError:
                continue
    return found[-most:]


def _of_product(lines: Iterable[bytes], product_id: str, name: str) -> Iterator[Moment]:
    marks = [_encode(mark) for mark in (product_id, name) if mark]
    for line in lines:
        if any(mark in line for mark in marks):
            try:
                moment = _decoder.decode(line)
            except msgspec.DecodeError:
                continue
            if (moment.id or None) == product_id or (moment.name or None) == name:
                yield moment


def _paths(root: Path) -> tuple[Path, Path]:
    folder = root / FOLDER
    return folder / "history.jsonl", folder / "history.previous.jsonl"
