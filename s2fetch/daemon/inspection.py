"""What the records of an archive say, as lists for the daemon's faces. All of it blocks."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.records import Record, State
from s2fetch.daemon.state import DayCoverage, ProductRow
from s2fetch.errors import UsageError
from s2fetch.naming import parse

_NEXT = {
    State.WAITING: "asked for again",
    State.FAILED: "tried again by the next run",
    State.QUARANTINED: "left alone until the catalogue changes",
}
_STATES = (State.WAITING, State.FAILED, State.QUARANTINED, State.WITHDRAWN)


def products(folder: Path, archive: str, state: str, limit: int) -> list[ProductRow]:
    """Products of an archive in one state, those that are in it longest first.

    Raises:
        UsageError: If there is no such state.
        ArchiveError: If the archive cannot be read.
    """
    if state not in _STATES:
        known = ", ".join(_STATES)
        raise UsageError(f"there is no state {state!r} to list", advice=f"There are: {known}")
    with ProgressFile.load(folder, False) as progress:
        rows = (
            _row(archive, product_id, record)
            for product_id, record in progress.items()
            if _is_in(record, State(state))
        )
        return heapq.nsmallest(limit, rows, key=lambda row: (row.since, row.name))


def coverage(folder: Path, queued: Mapping[str, str]) -> list[DayCoverage]:
    """Products per day of sensing, oldest first, by the dates in their names.

    Args:
        folder: Of the archive.
        queued: Names of the products whose turn comes, by identifier, whatever their record says.

    Raises:
        ArchiveError: If the archive cannot be read.
    """
    days: dict[str, Counter[str]] = {}

    def count(name: str, share: str) -> None:
        named = parse(name)
        if named is not None and named.sensing_start is not None:
            days.setdefault(f"{named.sensing_start:%Y-%m-%d}", Counter())[share] += 1

    with ProgressFile.load(folder, False) as progress:
        for product_id, record in progress.items():
            if record.withdrawn is None and product_id not in queued:
                count(record.name, _share(record))
    for name in queued.values():
        count(name, "queued")
    return [DayCoverage(day=day, **counts) for day, counts in sorted(days.items())]


def states_of(folder: Path, product_ids: list[str]) -> dict[str, str]:
    """The state of each product that has a record.

    Raises:
        ArchiveError: If the archive cannot be read.
    """
    with ProgressFile.load(folder, False) as progress:
        found = progress.get_many(product_ids)
    return {product_id: record.state.value for product_id, record in found.items()}


def _is_in(record: Record, state: State) -> bool:
    if state is State.WITHDRAWN:
        return record.withdrawn is not None
    return record.state is state


def _share(record: Record) -> str:
    if record.state in (State.COMPLETE, State.CONSUMED):
        return "complete"
    return "waiting" if record.state is State.WAITING else "missing"


def _row(archive: str, product_id: str, record: Record) -> ProductRow:
    retrieval, failure, withdrawn = record.retrieval, record.failure, record.withdrawn
    since, reason, following = "", "", ""
    then = _NEXT.get(record.state, "")
    if withdrawn is not None:
        then = ""
        since, reason = withdrawn.at, f"withdrawn by the hub: {withdrawn.cause or 'no cause given'}"
    elif retrieval is not None:
        since, following = retrieval.since, retrieval.next or ""
        reason = f"offline, retrieval {retrieval.state}"
        reason += f" ({retrieval.answer})" if retrieval.answer else ""
    elif failure is not None:
        since, reason = failure.at, failure.message
    return ProductRow(
        archive=archive,
        id=product_id,
        name=record.name,
        state=State.WITHDRAWN if withdrawn is not None else record.state,
        since=since,
        reason=reason,
        attempts=record.attempts,
        next=then,
        next_at=following,
        size=record.size or None,
    )
