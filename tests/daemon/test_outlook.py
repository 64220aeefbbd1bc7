"""When a daemon looks at a product again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from s2fetch.archive.progress import ProgressFile
from s2fetch.clock import timestamp
from s2fetch.daemon.config import load_daemon_archive
from s2fetch.daemon.outlook import Outlook, outlook, tell
from s2fetch.daemon.values import ArchiveEntry
from s2fetch.sync.explain import Explanation, Listed
from s2fetch.sync.increment import WATERMARK, Watermark, fingerprint
from s2fetch.sync.planner import Verdict

NOW = datetime(2026, 3, 1, 12, 40, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def kept(folder: Path, recount: str = "10d") -> ArchiveEntry:
    file = folder / "daemon.toml"
    file.write_text(
        '[[archives]]\nname = "alps"\ninto = "alps"\nschedule = "1h"\njitter = "0s"\n'
        f'overlap = "2d"\nrecount = "{recount}"\n'
    )
    return load_daemon_archive(file, environ={})


def settled(entry: ArchiveEntry, at: datetime, full: datetime) -> None:
    mark = Watermark(
        query=fingerprint(entry.config.query), settled=timestamp(at), full=timestamp(full)
    )
    assert entry.config.into is not None
    with ProgressFile.load(entry.config.into, True) as progress:
        progress.set_meta(WATERMARK, msgspec.to_builtins(mark))


def looked(entry: ArchiveEntry) -> Outlook:
    assert entry.config.into is not None
    return outlook(entry, entry.config.into, NOW)


def product(modified: datetime, **known: Any) -> Explanation:
    row = Listed(
        id="x",
        name="X",
        size=1,
        checksum="",
        online=True,
        sensing_start="",
        published="",
        modified=timestamp(modified),
    )
    return Explanation(asked="X", listed=row, **({"verdict": Verdict.FETCH} | known))


def test_a_run_is_due_with_the_schedule(tmp_path: Path) -> None:
    entry = kept(tmp_path)
    settled(entry, NOW - HOUR / 2, NOW - DAY)
    due = looked(entry)
    assert due.next_run == datetime(2026, 3, 1, 13, tzinfo=UTC)
    assert due.next_count == datetime(2026, 3, 10, 13, tzinfo=UTC)
    assert due.since == NOW - HOUR / 2 - 2 * DAY


@pytest.mark.parametrize("ago", [timedelta(hours=5), -DAY])
def test_a_run_that_was_missed_or_noted_by_a_wrong_clock_is_due_at_once(
    tmp_path: Path, ago: timedelta
) -> None:
    entry = kept(tmp_path)
    settled(entry, NOW - ago, NOW - ago)
    assert looked(entry).next_run == NOW


def test_an_archive_without_a_watermark_is_counted_at_once(tmp_path: Path) -> None:
    assert looked(kept(tmp_path)) == Outlook(NOW, NOW, None)


@pytest.mark.parametrize(("recount", "expected"), [("never", None), ("1h", 13)])
def test_when_everything_is_counted(tmp_path: Path, recount: str, expected: int | None) -> None:
    entry = kept(tmp_path, recount)
    settled(entry, NOW - HOUR / 2, NOW - DAY)
    count = looked(entry).next_count
    assert (count.hour if count else None) == expected


def test_a_product_that_changes_bring_is_looked_at_with_the_next_run(tmp_path: Path) -> None:
    entry = kept(tmp_path)
    settled(entry, NOW - HOUR / 2, NOW - DAY)
    told = product(NOW - DAY)
    tell(told, looked(entry))
    assert told.next_run == "2026-03-01T13:00:00Z"


def test_a_product_that_is_dated_too_far_back_waits_for_the_count(tmp_path: Path) -> None:
    """Nothing is promised that the next run would not do."""
    entry = kept(tmp_path)
    settled(entry, NOW - HOUR / 2, NOW - DAY)
    told = product(NOW - 5 * DAY)
    tell(told, looked(entry))
    assert told.next_run == "2026-03-10T13:00:00Z"
    assert "nothing before everything is counted again" in told.next_step


def test_nothing_is_said_of_a_product_that_is_here(tmp_path: Path) -> None:
    told = product(NOW, verdict=Verdict.HAVE)
    tell(told, looked(kept(tmp_path)))
    assert told.next_run == ""
