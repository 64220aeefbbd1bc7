"""The archive: its record, its disk, and the files that are in it."""

from __future__ import annotations

from typing import ClassVar

from s2fetch.events.base import Event


class Healed(Event, frozen=True, kw_only=True):
    """Something on disk did not agree with its record and was put right."""

    name: ClassVar[str] = "healed"
    level: ClassVar[str] = "warning"
    subject: str
    what: str


class SpaceLow(Event, frozen=True, kw_only=True):
    """The disk is down to its floor: nothing is begun until there is space again. In bytes.

    ``needed`` has to fit beside the floor before it goes on.
    """

    name: ClassVar[str] = "space-low"
    level: ClassVar[str] = "warning"
    folder: str
    free: int
    floor: int
    needed: int


class SpaceBack(Event, frozen=True, kw_only=True):
    """There is space again, and the queue goes on."""

    name: ClassVar[str] = "space-back"
    folder: str
    free: int
    floor: int


class VerificationProgressed(Event, frozen=True, kw_only=True):
    """Files are being hashed again: so many of so many are done, and so many bytes."""

    name: ClassVar[str] = "verification-progressed"
    level: ClassVar[str] = "trace"
    done: int
    total: int
    done_bytes: int
    total_bytes: int


class ScrubStarted(Event, frozen=True, kw_only=True):
    """Some of the files are hashed again, those first whose proof is oldest. Sizes in bytes."""

    name: ClassVar[str] = "scrub-started"
    level: ClassVar[str] = "debug"
    folder: str
    files: int
    size: int


class ScrubFinished(Event, frozen=True, kw_only=True):
    """Hashing again is over for now. ``verified_share`` is that of the bytes with a young proof."""

    name: ClassVar[str] = "scrub-finished"
    folder: str
    checked: int
    damaged: int
    size: int
    verified_share: float
    seconds: float


class FileDamaged(Event, frozen=True, kw_only=True):
    """A recorded file is not what was verified: missing, another size, another digest."""

    name: ClassVar[str] = "file-damaged"
    level: ClassVar[str] = "error"
    product_name: str
    path: str
    reason: str


class ProductWithdrawn(Event, frozen=True, kw_only=True):
    """The hub has taken a product of the archive away; ``action`` is what became of the file."""

    name: ClassVar[str] = "product-withdrawn"
    level: ClassVar[str] = "warning"
    product_name: str
    product_id: str
    deleted: str
    cause: str
    action: str


class TrashingRefused(Event, frozen=True, kw_only=True):
    """More products were withdrawn than may go to the trash in a day; these ``count`` stay.

    ``moved`` have gone there within a day already, and ``most`` may.
    """

    name: ClassVar[str] = "trashing-refused"
    level: ClassVar[str] = "error"
    count: int
    moved: int
    most: int


class DeletionsUnread(Event, frozen=True, kw_only=True):
    """What the hub has withdrawn could not be asked; nothing is marked, the next run asks again."""

    name: ClassVar[str] = "deletions-unread"
    level: ClassVar[str] = "warning"
    error: str
