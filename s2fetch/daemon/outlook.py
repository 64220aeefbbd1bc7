"""When a daemon will look at a product again: with its next run, or only when it counts anew."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from s2fetch.archive.progress import ProgressFile
from s2fetch.clock import timestamp
from s2fetch.daemon.memory import moment
from s2fetch.daemon.values import ArchiveEntry
from s2fetch.sync.explain import Explanation
from s2fetch.sync.increment import Watermark, read_watermark
from s2fetch.sync.planner import Verdict

_UNTOUCHED = frozenset({"", Verdict.HAVE, Verdict.QUARANTINED})


class Outlook(msgspec.Struct, frozen=True):
    """Of one archive.

    Attributes:
        next_run: When a run is due; the present moment when one is.
        next_count: When one is that lists everything; None for never.
        since: What was changed before this, no run asks for until then; None when all do.
    """

    next_run: datetime
    next_count: datetime | None
    since: datetime | None


def outlook(entry: ArchiveEntry, root: Path, now: datetime) -> Outlook:
    """What is due for an archive, whether or not its daemon is running. Blocking.

    Raises:
        ArchiveError: If the archive cannot be read.
    """
    with ProgressFile.load(root, False) as progress:
        mark = read_watermark(progress.meta, entry.config.query)
    settled = moment(mark.settled) if mark is not None else None
    if mark is None or settled is None or settled > now:
        return Outlook(now, now, None)
    due = max(now, entry.schedule.next_after(settled))
    since = settled - timedelta(seconds=entry.overlap_seconds)
    return Outlook(due, _next_count(entry, mark, due), since)


def tell(told: Explanation, due: Outlook) -> None:
    """Add to what is known of a product when something happens to it."""
    if told.verdict in _UNTOUCHED:
        return
    told.next_run = timestamp(due.next_run)
    modified = moment(told.listed.modified) if told.listed is not None else None
    if told.record is not None or modified is None or due.since is None or modified >= due.since:
        return
    told.next_step = (
        "nothing before everything is counted again: the catalogue dates it before "
        f"{timestamp(due.since)}, and changes that old are not asked for any more"
    )
    told.next_run = timestamp(due.next_count)


def _next_count(entry: ArchiveEntry, mark: Watermark, due: datetime) -> datetime | None:
    """The first run when the time since the last count is over."""
    full = moment(mark.full)
    if full is None or entry.recount_seconds is None:
        return None if full is not None else due
    over = full + timedelta(seconds=entry.recount_seconds)
    return due if over <= due else entry.schedule.next_after(over - timedelta(microseconds=1))
