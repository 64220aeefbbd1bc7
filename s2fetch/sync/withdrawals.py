"""What happens to products that the hub has taken away: marked, reported, and perhaps moved.

Only an entry in the hub's own list of deletions counts. A product that is merely not listed, or
whose hub cannot be asked, is never touched; one that the hub lists again is not withdrawn.
"""

from __future__ import annotations

from contextlib import aclosing
from datetime import datetime, timedelta
from enum import StrEnum

import anyio
import msgspec

from s2fetch.archive.archive import Archive
from s2fetch.archive.records import Record, State, Withdrawal
from s2fetch.clock import Clock, timestamp
from s2fetch.events import EventBus, ProductWithdrawn, TrashingRefused
from s2fetch.hub.base import Deletion, Hub
from s2fetch.sync.batches import BATCH_PRODUCTS
from s2fetch.sync.history import remembering

DELETIONS_READ = "deletions_read"
"""Key of the progress file: up to when the hub's deletions are dealt with."""

LIMIT_SPAN = timedelta(days=1)
"""Over which files that go to the trash are limited: runs that are close together must not move
little by little what one run may not."""


class WithdrawnPolicy(StrEnum):
    """What happens to the file of a withdrawn product."""

    KEEP = "keep"
    """It stays where it is, marked in its record."""
    TRASH = "trash"
    """It is moved to ``.s2fetch/trash``; nothing is ever deleted."""


class WithdrawalSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How withdrawn products are treated.

    Attributes:
        policy: What happens to their files.
        most_products: With more than this in `LIMIT_SPAN`, no more are moved.
        most_share: The same as a share of the products on disk, 0 to 1.
        overlap_seconds: How far back the list is read again, because entries can appear late.
    """

    policy: WithdrawnPolicy = WithdrawnPolicy.KEEP
    most_products: int = 100
    most_share: float = 0.05
    overlap_seconds: float = 86_400.0


class Withdrawals:
    """Follows a hub's deletions for one archive.

    Args:
        hub: Whose.
        archive: Open.
        settings: What to do.
        clock: Where the time comes from.
        events: Who is told.

    Attributes:
        refused: Why `follow` has left files in their places that were to go to the trash, or empty.
    """

    def __init__(
        self,
        hub: Hub,
        archive: Archive,
        settings: WithdrawalSettings,
        *,
        clock: Clock,
        events: EventBus,
    ) -> None:
        self.refused = ""
        self._hub = hub
        self._archive = archive
        self._settings = settings
        self._clock = clock
        self._events = events

    async def follow(self, collection: str, since: datetime) -> int:
        """Deal with what was deleted since the last time, or since ``since`` the first time.

        Args:
            collection: Of which collection.
            since: Aware.

        Returns:
            How many products of the archive turned out to be withdrawn.

        Raises:
            HubError: If the list cannot be read completely; what was read is dealt with next time.
            ArchiveError: If a record or a file cannot be changed.
        """
        begun = self._clock.now()
        ours = await self._ours(collection, self._read_until(begun) or since)
        gone = await self._not_listed_again(ours)
        async with remembering(self._archive.root, clock=self._clock, events=self._events):
            is_settled = await self._deal_with(gone)
        if is_settled:
            # What was refused is met again next time: the mark is only moved when all is settled.
            upto = begun.timestamp() - self._settings.overlap_seconds
            mark = timestamp(datetime.fromtimestamp(upto, begun.tzinfo))
            await anyio.to_thread.run_sync(self._archive.progress.set_meta, DELETIONS_READ, mark)
        return len(gone)

    def _read_until(self, now: datetime) -> datetime | None:
        """Where the last reading ended; None when nobody can tell.

        A mark in the future was set by a clock that has been put right since.
        """
        known = self._archive.progress.meta.get(DELETIONS_READ)
        try:
            mark = datetime.fromisoformat(known) if isinstance(known, str) else None
        except ValueError:
            return None
        return mark if mark is not None and mark.tzinfo is not None and mark <= now else None

    async def _ours(self, collection: str, since: datetime) -> dict[str, tuple[Deletion, Record]]:
        """Deleted products that the archive has a record of which does not say so."""
        ours: dict[str, tuple[Deletion, Record]] = {}
        batch: list[Deletion] = []
        async with aclosing(self._hub.deletions(collection, since)) as deletions:
            async for deletion in deletions:
                batch.append(deletion)
                if len(batch) == BATCH_PRODUCTS:
                    ours.update(await anyio.to_thread.run_sync(self._recorded, batch))
                    batch = []
        ours.update(await anyio.to_thread.run_sync(self._recorded, batch))
        return ours

    def _recorded(self, batch: list[Deletion]) -> dict[str, tuple[Deletion, Record]]:
        found = {}
        for deletion in batch:
            record = self._archive.progress.get(deletion.id)
            if record is not None and record.state is not State.WITHDRAWN:
                found[deletion.id] = (deletion, record)
        return found

    async def _not_listed_again(
        self, ours: dict[str, tuple[Deletion, Record]]
    ) -> dict[str, tuple[Deletion, Record]]:
        """Without those that the catalogue has all the same."""
        names = list(dict.fromkeys(record.name for _, record in ours.values()))
        listed = {product.id for product in await self._hub.by_name(names)} if names else set()
        return {key: value for key, value in ours.items() if key not in listed}

    async def _deal_with(self, gone: dict[str, tuple[Deletion, Record]]) -> bool:
        """Mark them all, and move their files unless that are too many; whether all was done."""
        trash = self._settings.policy is WithdrawnPolicy.TRASH
        with_files = sum(record.state is State.COMPLETE for _, record in gone.values())
        refused = False
        if trash and with_files:
            moved, most = await anyio.to_thread.run_sync(self._limit)
            refused = moved + with_files > most
            if refused:
                self.refused = (
                    f"{with_files} withdrawn products stay in their places: {most} may go to the "
                    f"trash in 24 hours (deletions-most, deletions-share), and {moved} have"
                )
                self._events.emit(TrashingRefused(count=with_files, moved=moved, most=most))
        for deletion, record in gone.values():
            with anyio.CancelScope(shield=True):
                action = await anyio.to_thread.run_sync(
                    self._withdraw, deletion, record, trash and not refused
                )
            if action:
                self._tell(deletion, action)
        return not refused

    def _limit(self) -> tuple[int, int]:
        """How many files have gone to the trash lately, and how many may in all."""
        since = timestamp(self._clock.now() - LIMIT_SPAN)
        here = moved = 0
        for product in self._archive.progress.items():
            record = product[1]
            here += record.state is State.COMPLETE
            moved += record.withdrawn is not None and record.withdrawn.moved > since
        share = self._settings.most_share
        of_share = max(1, int(share * (here + moved))) if share else 0
        return moved, min(self._settings.most_products, of_share)

    def _withdraw(self, deletion: Deletion, record: Record, trash: bool) -> str:
        """What was done about it, in words; empty when nothing was new."""
        mark = Withdrawal(at=timestamp(deletion.deleted), cause=deletion.cause)
        changed = msgspec.structs.replace(record, withdrawn=mark)
        action = "its file stays"
        if record.state is not State.COMPLETE:
            changed = msgspec.structs.replace(changed, state=State.WITHDRAWN, retrieval=None)
            action = "it is not waited for any more"
        elif trash:
            action = "its file was missing already"
            if self._archive.file_of(record) is not None:
                now = self._clock.now()
                target = self._archive.trash(record.path, now)
                action = f"its file is {target} now"
                place = target.relative_to(self._archive.root).as_posix()
                mark = msgspec.structs.replace(mark, moved=timestamp(now), trash=place)
            changed = msgspec.structs.replace(
                changed,
                state=State.WITHDRAWN,
                path="",
                unpacked=False,
                mtime_ns=0,
                withdrawn=mark,
            )
        if changed == record:
            return ""
        self._archive.progress.record(deletion.id, changed)
        return action

    def _tell(self, deletion: Deletion, action: str) -> None:
        self._events.emit(
            ProductWithdrawn(
                product_name=deletion.name,
                product_id=deletion.id,
                deleted=timestamp(deletion.deleted),
                cause=deletion.cause,
                action=action,
            )
        )
