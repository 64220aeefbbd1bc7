"""What the progress file says about one product.

Times are ISO 8601 strings in UTC ending in Z. Fields at their default are not written, so that a
line of the progress file stays short.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from s2fetch.product import Proof


class State(StrEnum):
    """How far a product has come."""

    COMPLETE = "complete"
    """On disk and verified."""
    FAILED = "failed"
    """Given up by a run; a later one tries again."""
    WAITING = "waiting"
    """Offline; waits for its retrieval."""
    QUARANTINED = "quarantined"
    """The hub delivered the same wrong bytes twice; they are kept aside."""
    WITHDRAWN = "withdrawn"
    """The hub has taken it away, and there is no file of it in its place (any more)."""
    CONSUMED = "consumed"
    """It was on disk and verified, its file is gone, and the user wants that left so."""


class RetrievalState(StrEnum):
    """What became of the request to bring an offline product back."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    QUOTA = "quota"
    WAITING = "waiting"


class Retrieval(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The retrieval of an offline product.

    Attributes:
        state: What became of the request.
        since: When the product was first found offline.
        answer: What the hub said, shortened.
        asked: How often it was asked for.
        checked: When it was last looked at.
        next: When it is to be asked for or looked at again.
    """

    state: RetrievalState
    since: str
    answer: str = ""
    asked: int = 0
    checked: str | None = None
    next: str | None = None


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """The last error: its stable code, its message and when it happened."""

    code: str
    message: str
    at: str


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The hub has taken a product away.

    Attributes:
        at: When.
        cause: Why, in its own words.
        moved: When the file went to the trash; empty when it did not.
        trash: Where it went, as `Record.path`.
    """

    at: str
    cause: str = ""
    moved: str = ""
    trash: str = ""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One product of the archive.

    Attributes:
        name: As published.
        state: How far it has come.
        path: Of the file, relative to the archive's root with ``/``; empty when there is none. Of
            the product's folder when it is unpacked.
        unpacked: Whether the product lies there as a folder.
        size: Bytes of that file, or of all files of an unpacked product.
        checksum: Computed over that file, ``MD5:…`` or ``BLAKE3:…``; over the manifest of an
            unpacked product, which has the digests of its files.
        listed: As the catalogue listed it, ``MD5:…`` or ``BLAKE3:…``; empty when it listed none.
        proof: What shows that the file is the product.
        verified: When that was shown.
        source: Base URL of the hub that delivered it.
        modified: The catalogue entry's own modification date at that time.
        mtime_ns: Of the file, or the manifest of an unpacked product, nanoseconds since 1970;
            tells cheaply that it was not touched.
        attempts: Attempts that failed since the last success.
        failure: The last error.
        retrieval: The order that brings it back online.
        withdrawn: Set when the hub has taken it away; the file may be there still.
    """

    name: str
    state: State
    path: str = ""
    unpacked: bool = False
    size: int = 0
    checksum: str = ""
    listed: str = ""
    proof: Proof | None = None
    verified: str = ""
    source: str = ""
    modified: str = ""
    mtime_ns: int = 0
    attempts: int = 0
    failure: Failure | None = None
    retrieval: Retrieval | None = None
    withdrawn: Withdrawal | None = None


def as_consumed(record: Record) -> Record:
    """The record of a product whose file is gone, which is to be left so."""
    return msgspec.structs.replace(
        record, state=State.CONSUMED, path="", unpacked=False, mtime_ns=0
    )


class Size(msgspec.Struct, frozen=True):
    """What counting needs of a `Record`, size in bytes; quicker to read than all of it."""

    state: State
    size: int = 0
    withdrawn: Withdrawal | None = None


class Place(msgspec.Struct, frozen=True):
    """What finding a file's product needs of a `Record`; quicker to read than all of it."""

    state: State
    path: str = ""


class Age(msgspec.Struct, frozen=True):
    """What choosing files to be hashed again needs of a `Record`; quicker to read than all.

    Size in bytes; ``verified`` is ISO 8601.
    """

    state: State
    size: int = 0
    verified: str = ""


class Tally(msgspec.Struct, frozen=True):
    """Number of products in one state, the bytes of their files, and how many the hub took away."""

    count: int = 0
    size_bytes: int = 0
    withdrawn: int = 0
