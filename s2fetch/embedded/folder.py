"""A catalogue of the products in a folder.

Beside every product ``<Name>.zip`` lies ``<Name>.json``, what the catalogue lists for it. Files
without one get theirs when the folder is opened: collection, times and attributes are read from
the file's name, of any mission; size and digests from its bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import blake3
import msgspec

from s2fetch.embedded.by_name import Told, told_by
from s2fetch.embedded.entry import Entry, hub_time
from s2fetch.embedded.listing import Body, Found, Ordering, sorted_rows
from s2fetch.embedded.odata_filter import Expression
from s2fetch.embedded.odata_match import condition

_SUFFIXES = (".zip", ".nc", ".EOF", ".TGZ", ".tar", ".TAR")
_BLOCK = 1 << 20
_ID_SPACE = uuid.UUID("5c2c4a6e-6f5b-5d0e-8a3c-9f3d5b0f7a11")


class FolderCatalogue:
    """Serves the products of one folder; the list is held in memory and can be changed.

    Args:
        files: The products and their files.
        seed: Decides the order of rows when a search asks for none.
    """

    def __init__(self, files: Iterable[tuple[Entry, Body]] = (), *, seed: int = 0) -> None:
        self._entries: dict[str, Entry] = {}
        self._bodies: dict[str, Body] = {}
        self._deleted: dict[str, Entry] = {}
        self._watchers: list[Callable[[str, Entry], None]] = []
        self._random = random.Random(seed)  # noqa: S311 - shuffles rows, no secret
        for entry, body in files:
            self.add(entry, body)

    @classmethod
    def open(cls, folder: Path) -> FolderCatalogue:
        """Read a folder, describing files that have no description yet. Blocks.

        Raises:
            OSError: The folder or a file cannot be read.
        """
        files = [path for path in sorted(folder.iterdir()) if path.suffix in _SUFFIXES]
        return cls((described(path), path) for path in files)

    @property
    def entries(self) -> list[Entry]:
        """All rows, in the order they were added."""
        return list(self._entries.values())

    def watch(self, watcher: Callable[[str, Entry], None]) -> None:
        """Have somebody told of every product that is ``created``, ``modified`` or ``deleted``."""
        self._watchers.append(watcher)

    def add(self, entry: Entry, body: Body) -> None:
        """Publish a product."""
        self._entries[entry.id] = entry
        self._bodies[entry.id] = body
        self._tell("created", entry)

    def delete(
        self,
        product_id: str,
        cause: str = "Obsolete product or Other",
        at: datetime | None = None,
    ) -> None:
        """Take a product away, now unless another time is given, and leave a tombstone."""
        entry = self._entries.pop(product_id)
        self._bodies.pop(product_id)
        deleted = hub_time(at or datetime.now(UTC))
        entry = msgspec.structs.replace(entry, deletion_date=deleted, deletion_cause=cause)
        self._deleted[product_id] = entry
        self._tell("deleted", entry)

    def replace_body(self, product_id: str, body: Body) -> None:
        """Deliver other bytes from now on, whatever the row says."""
        self._bodies[product_id] = body

    def relist(self, product_id: str, **changes: object) -> Entry:
        """Change a row."""
        entry = msgspec.structs.replace(self._entries[product_id], **changes)
        self._entries[product_id] = entry
        self._tell("modified", entry)
        return entry

    def _tell(self, event: str, entry: Entry) -> None:
        for watcher in self._watchers:
            watcher(event, entry)

    def search(
        self, expression: Expression | None, ordering: Ordering | None, skip: int, top: int
    ) -> Found:
        return self._search(self._entries.values(), expression, ordering, skip, top)

    def search_deleted(
        self, expression: Expression | None, ordering: Ordering | None, skip: int, top: int
    ) -> Found:
        return self._search(self._deleted.values(), expression, ordering, skip, top)

    def entry(self, product_id: str) -> Entry | None:
        return self._entries.get(product_id)

    def named(self, names: Iterable[str]) -> list[Entry]:
        wanted = frozenset(names)
        return [entry for entry in self._entries.values() if entry.name in wanted]

    def body(self, product_id: str) -> Body | None:
        return self._bodies.get(product_id)

    def by_quicklook(self, asset_id: str) -> Entry | None:
        for entry in self._entries.values():
            if entry.quicklook_id == asset_id:
                return entry
        return None

    def _search(
        self,
        entries: Iterable[Entry],
        expression: Expression | None,
        ordering: Ordering | None,
        skip: int,
        top: int,
    ) -> Found:
        holds = condition(expression) if expression is not None else lambda _: True
        rows = [entry for entry in entries if holds(entry)]
        if ordering is None:
            self._random.shuffle(rows)
        else:
            rows = sorted_rows(rows, ordering)
        return Found(rows[skip : skip + top], len(rows))


def sidecar_of(product: Path) -> Path:
    """Where the description of a product's file lies."""
    stem = product.name.removesuffix(".zip")
    return product.with_name(f"{stem}.json")


def described(product: Path) -> Entry:
    """The description of a file: its sidecar, or a new one where that is missing or wrong."""
    return read_sidecar(product) or _describe(product)


def read_sidecar(product: Path) -> Entry | None:
    """The sidecar of a file; None where it is missing, damaged or of a file of another size."""
    try:
        entry = msgspec.json.decode(sidecar_of(product).read_bytes(), type=Entry)
        return entry if product.stat().st_size == entry.content_length else None
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write_sidecar(product: Path, entry: Entry) -> None:
    """Write the description of a file beside it."""
    text = msgspec.json.format(msgspec.json.encode(entry), indent=1)
    sidecar_of(product).write_bytes(text + b"\n")


def digests(product: Path) -> tuple[str, str]:
    """MD5 and BLAKE3 of a file."""
    md5, blake = hashlib.md5(usedforsecurity=False), blake3.blake3()
    with product.open("rb") as file:
        while block := file.read(_BLOCK):
            md5.update(block)
            blake.update(block)
    return md5.hexdigest(), blake.hexdigest()


def product_id(name: str) -> str:
    """A UUID that depends on the name only."""
    return str(uuid.uuid5(_ID_SPACE, name))


def quicklook_id(name: str) -> str:
    """The UUID of a product's quicklook, which depends on the name only."""
    return str(uuid.uuid5(_ID_SPACE, f"quicklook of {name}"))


def _describe(product: Path) -> Entry:
    name = product.name.removesuffix(".zip")
    status = product.stat()
    md5, blake = digests(product)
    changed = hub_time(datetime.fromtimestamp(status.st_mtime, UTC))
    told = told_by(name) or Told("SENTINEL-2", changed, changed, ())
    entry = Entry(
        id=product_id(name),
        name=name,
        content_length=status.st_size,
        collection=told.collection,
        sensing_start=told.sensing_start,
        sensing_end=told.sensing_end,
        origin_date=changed,
        publication_date=changed,
        modification_date=changed,
        checksum_date=changed,
        md5=md5,
        blake3=blake,
        attributes=told.attributes,
        quicklook_id=quicklook_id(name) if name.endswith(".SAFE") else "",
    )
    with contextlib.suppress(PermissionError):
        write_sidecar(product, entry)
    return entry
